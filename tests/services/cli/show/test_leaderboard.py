"""services/cli/show/leaderboard.py."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from services.cli.show.leaderboard import comparison, in_words, leaderboard, replicates, spread

Printed = Callable[[Any], list[str]]
AXES: list[dict[str, Any]] = [
    {"path": "train.l2", "values": [0, 0.001]},
    {"path": "train.optimizer", "values": [{"name": "adam"}, {"name": "sgd"}]},
    {"path": "model.dropout", "values": None, "low": 0.0, "high": 0.5},
]
ADAM = {"train.l2": 0.001, "train.optimizer": {"name": "adam"}, "model.dropout": 0.25}


def replicate(number: int, value: float | None, state: str = "succeeded", epoch: int = 3) -> dict[str, Any]:
    return {
        "id": f"s-{number:04d}", "number": number, "replicate": number, "state": state,
        "value": value, "epoch": epoch, "mlflow": None,
    }  # fmt: skip


def point(number: int = 7, **changed: Any) -> dict[str, Any]:
    return {
        "point": number, "values": ADAM, "mean": 0.8712, "low": 0.8678, "high": 0.8746, "sd": 0.003, "n": 2,
        "seeds": 3, "failed": 1, "note": "2 of 3 seeds have a value",
        "trials": [replicate(0, 0.87), replicate(1, 0.8724), replicate(2, None, "failed", 1)], **changed,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("mean", "half", "words"),
    [
        (0.8712, 0.0034, "0.8712 ± 0.0034"),
        (0.8712, 0.034, "0.871 ± 0.034"),
        (12.3456, 1.5, "12.3 ± 1.5"),
        (12345.0, 150.0, "1.234e+04 ± 1.5e+02"),
        (0.5, 0.0, "0.5 ± 0"),
        (0.5, None, "0.5"),
        (None, None, ""),
    ],
)
def test_a_value_has_as_many_decimals_as_its_interval_bears(
    mean: float | None, half: float | None, words: str
) -> None:
    ends = (
        {"low": None, "high": None}
        if half is None or mean is None
        else {"low": mean - half, "high": mean + half}
    )
    assert spread({"mean": mean, **ends}) == words


def test_a_point_has_a_line_with_its_seeds_and_how_far_they_are(printed: Printed) -> None:
    sweep = {"axes": AXES, "seeds": 3, "objective": {"metric": "val/acc"}}
    head, line = printed(leaderboard(sweep, [point()]))
    assert head == "point l2 optimizer dropout val/acc seeds epoch trials"
    assert line == "1 7 1e-3 adam 0.25 0.8712 ± 0.0034 2/3, 1 failed 1–3 2 succeeded, 1 failed"


def test_an_axis_without_a_value_is_blank_and_one_seed_shows_its_trial(printed: Printed) -> None:
    sweep = {"axes": AXES, "seeds": 1, "objective": {"metric": "val/acc"}}
    alone = point(values={"train.optimizer": {"name": "sgd"}}, low=None, high=None, n=1, seeds=1, failed=0,
                  trials=[replicate(7, 0.8712)])  # fmt: skip
    head, line = printed(leaderboard(sweep, [alone]))
    assert head.endswith("seeds epoch trial")
    assert line == "1 7 sgd 0.8712 1/1 3 s-0007"


def test_a_value_carries_its_axis_unless_it_is_a_word() -> None:
    assert in_words({"axes": AXES}, point()) == "point 7: l2 1e-3 adam dropout 0.25"
    assert in_words({"axes": AXES}, point(values={})) == "point 7"


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
