"""services/cli/show/leaderboard.py."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from services.cli.show.leaderboard import comparison, leaderboard, replicates, titled

Printed = Callable[[Any], list[str]]
NAMES = ("l2", "optimizer", "dropout")


def cells(*texts: str | None) -> list[dict[str, Any]]:
    return [{"path": name, "name": name, "text": text} for name, text in zip(NAMES, texts, strict=True)]


def replicate(number: int, value: float | None, state: str = "succeeded", epoch: int = 3) -> dict[str, Any]:
    return {
        "id": f"s-{number:04d}", "number": number, "replicate": number, "fold": None, "state": state,
        "value": value, "epoch": epoch, "mlflow": None,
    }  # fmt: skip


def point(number: int = 7, **changed: Any) -> dict[str, Any]:
    return {
        "point": number, "label": "l2 0.001, adam", "cells": cells("0.001", "adam", "0.25"),
        "text": "0.8712 ± 0.0034", "mean": 0.8712, "low": 0.8678, "high": 0.8746, "sd": 0.003, "n": 2,
        "seeds": 3, "folds": 1, "failed": 1, "note": "2 of 3 seeds have a value",
        "trials": [replicate(0, 0.87), replicate(1, 0.8724), replicate(2, None, "failed", 1)], **changed,
    }  # fmt: skip


def test_a_point_has_a_line_with_its_seeds_and_how_far_they_are(printed: Printed) -> None:
    sweep = {"seeds": 3, "folds": 1, "objective": {"metric": "val/acc"}}
    head, line = printed(leaderboard(sweep, [point()]))
    assert head == "# point l2 optimizer dropout val/acc seeds epoch trials"
    assert line == "1 7 0.001 adam 0.25 0.8712 ± 0.0034 2/3, 1 failed 1–3 2 succeeded, 1 failed"


def test_an_axis_without_a_value_is_blank_and_one_seed_shows_its_trial(printed: Printed) -> None:
    sweep = {"seeds": 1, "folds": 1, "objective": {"metric": "val/acc"}}
    alone = point(cells=cells(None, "sgd", None), text="0.8712", low=None, high=None, n=1, seeds=1, failed=0,
                  trials=[replicate(7, 0.8712)])  # fmt: skip
    head, line = printed(leaderboard(sweep, [alone]))
    assert head.endswith("seeds epoch trial")
    assert line == "1 7 sgd 0.8712 1/1 3 s-0007"


def test_folds_are_counted_where_there_are_some(printed: Printed) -> None:
    sweep = {"seeds": 1, "folds": 5, "objective": {"metric": "val/acc"}}
    head, line = printed(leaderboard(sweep, [point(n=4, seeds=1, folds=5, failed=0)]))
    assert head == "# point l2 optimizer dropout val/acc folds epoch trials"
    assert "± 0.0034 4/5 1–3" in line


def test_a_trial_has_its_fold_where_there_are_folds(printed: Printed) -> None:
    trials = [{**replicate(number, 0.5), "fold": number % 2} for number in range(3)]
    head, *lines = printed(replicates(point(folds=2, trials=trials)))
    assert head == "trial replicate fold value epoch state id"
    assert [line.split()[:3] for line in lines] == [
        ["t000", "0", "0"],
        ["t001", "1", "1"],
        ["t002", "2", "0"],
    ]
    assert "fold" not in printed(replicates(point()))[0]


def test_a_point_goes_by_its_number_and_its_label() -> None:
    assert titled(point()) == "point 7: l2 0.001, adam"


def test_the_best_two_are_compared_or_the_lack_of_an_interval_is_explained() -> None:
    board = {"points": [point(note="one seed: no interval")], "comparison": {"words": "they differ"}}
    assert list(comparison(board)) == ["they differ"]
    assert list(comparison({**board, "comparison": None})) == ["one seed: no interval"]
    assert list(comparison({"points": [], "comparison": None})) == []


def test_a_points_trials(printed: Printed) -> None:
    assert printed(replicates(point()))[1:] == [
        "t000 0 0.87 3 succeeded s-0000",
        "t001 1 0.8724 3 succeeded s-0001",
        "t002 2 1 failed s-0002",
    ]
