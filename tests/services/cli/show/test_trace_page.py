"""services/cli/show/trace_page.py."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from services.cli.show.tables import facts
from services.cli.show.trace_page import stopped, trace_attempts, trace_page, trace_rungs

MOMENT = "2026-01-02T03:04:05Z"
SWEEP: dict[str, Any] = {
    "id": "s", "name": "grid", "project": "p", "created_at": MOMENT, "points": 6, "folds": 1, "seeds": 3,
    "trials": {"total": 18}, "objective": {"metric": "val/acc"},
}  # fmt: skip
WAITING: dict[str, Any] = {"machine": None, "engine": None}
RAN: dict[str, Any] = {
    "pack": "p1", "row": 3, "width": 8, "device": "cpu:0", "worker": "host/1", "start_epoch": 0,
    "began_at": MOMENT, "ended_at": None, "state": "running", "outcome": None,
    "machine": {"kind": "a CPU", "torch": "2.13.0", "threads": 1, "kernels": "torch"}, "kind": "cpu",
    "engine": {
        "steps": "called", "kernels": "torch", "precision": "bfloat16", "rows": "together", "reason": "",
        "memory": 0,
    },
    "memory": 0,
}  # fmt: skip
TRIAL: dict[str, Any] = {
    "point": 5, "label": "dropout 0.25", "replicate": 2, "fold": None, "number": 17, "seed": 7, "row": 3,
    "shape": {"key": "abc", "parameters": 61706, "width": 8, "mixed": True}, "plugins": None,
    "state": "running", "failure": None, "stopped": None, "epoch": 1, "target_epoch": 3, "created_at": MOMENT,
    "started_at": MOMENT, "finished_at": None, "best": {"value": 0.8123456, "epoch": 1},
    "reused_from": None, "reused_epochs": 0,
    "attempts": [RAN, WAITING], "best_file": None, "links": {"mlflow": None}, "config": {"a": "ü"},
    "forked_from": None, "forks": [],
    "checkpoint": {"epoch": 1, "path": "p1/1.pt", "sha256": "0123456789abcdef", "damaged": True},
}  # fmt: skip


def test_the_way_of_a_trial() -> None:
    page = trace_page(TRIAL, SWEEP, "cnnlab reproduce s-0017")
    assert page["request"] == "sweep s, grid in project p"
    assert (page["point"], page["replicate"], page["number"]) == (
        "5 of 0 to 5",
        "2 of 0 to 2",
        "17 of 0 to 17",
    )
    assert page["values"] == "dropout 0.25"
    assert page["row"] == "3 of 8, with its own batches"
    assert page["best"] == "val/acc 0.8123 in epoch 1"
    assert page["machine"] == "a CPU, torch 2.13.0, 1 thread, no compiled kernels"
    assert page["engine"] == "bfloat16 on cpu, rows together, steps called layer by layer, by torch alone"
    assert page["checkpoint"] == "epoch 1 in p1/1.pt (SHA-256 0123456789ab…, damaged)"
    assert page["config"] == '{"a": "ü"}'
    assert "finished" not in facts(page).plain, "it has not finished"


def test_a_trial_of_a_fold() -> None:
    page = trace_page({**TRIAL, "fold": 1}, {**SWEEP, "folds": 3, "seeds": 1}, "again")
    assert (page["replicate"], page["fold"]) == ("2 of 0 to 2", "1 of 0 to 2")
    assert "fold" not in facts(trace_page(TRIAL, SWEEP, "again")).plain


def test_what_is_not_there_yet() -> None:
    early = {**TRIAL, "attempts": [WAITING], "checkpoint": None, "best": None, "started_at": None}
    page = trace_page(early, SWEEP, "again")
    assert (page["machine"], page["mlflow"]) == ("none yet", "no run yet")
    assert page["engine"] == "no epoch yet"
    assert page["checkpoint"] == "none: not saved yet, or no longer needed"
    assert page["best"] is None


def test_what_early_stopping_has_decided(printed: Callable[[Any], list[str]]) -> None:
    rung = {"epoch": 1, "at": MOMENT, "rule": "halving", "value": 0.5, "place": 2, "points": 9, "kept": 3}
    lines = printed(trace_rungs([{**rung, "went_on": True}, {**rung, "epoch": 3, "went_on": False}]))
    assert lines[1].startswith("epoch 1 20")
    assert lines[1].endswith(" halving 0.5 2 of 9 3 goes on")
    assert lines[2].endswith(" halving 0.5 2 of 9 3 is pruned")
    late = printed(trace_rungs([{**rung, "value": None, "place": None, "went_on": None}]))
    assert late[1].endswith(" 3 came later")
    assert stopped(TRIAL) is None
    pruned = {**TRIAL, "stopped": {"rule": "halving", "reason": "place 9 of 9"}}
    assert trace_page(pruned, SWEEP, "again")["stopped"] == "by halving after epoch 1: place 9 of 9"
    assert trace_page({**TRIAL, "row": None}, SWEEP, "again")["row"] == "none yet"


def test_where_a_fork_comes_from() -> None:
    parent = {"trial": "p-0001", "epoch": 4, "changed": {"train.optimizer.lr": 0.01}}
    page = trace_page({**TRIAL, "forked_from": parent}, SWEEP, "again")
    assert page["forked from"] == "trial p-0001, after its epoch 4, with train.optimizer.lr 0.01"
    page = trace_page({**TRIAL, "forked_from": parent | {"epoch": None, "changed": {}}}, SWEEP, "again")
    assert page["forked from"] == "trial p-0001, after its present epoch, with the same values"
    assert trace_page(TRIAL, SWEEP, "again")["forked from"] is None


def test_attempts(printed: Callable[[Any], list[str]]) -> None:
    _, line = printed(trace_attempts([RAN]))
    assert line.startswith("1 p1 3 of 8 cpu:0 host/1 bfloat16 called 0 20")
    assert line.endswith(" running")
    _, line = printed(trace_attempts([{**RAN, "engine": None}]))
    assert line.startswith("1 p1 3 of 8 cpu:0 host/1 0 20")


@pytest.mark.parametrize(
    ("engine", "words"),
    [
        ({"steps": "recorded"}, "steps recorded and repeated, by torch alone"),
        (
            {"kernels": "kernels-a", "reason": "CNNLAB_GRAPHS is off"},
            "steps called layer by layer, because CNNLAB_GRAPHS is off, by kernels-a",
        ),
        (
            {"memory": 3 * 2**29},
            "steps called layer by layer, by torch alone, 1.5 GiB of memory held, 2.0 GiB computed",
        ),
    ],
)
def test_the_engine_of_the_latest_attempt_that_trained(engine: dict[str, Any], words: str) -> None:
    latest = {**RAN, "kind": "cuda", "memory": 2**31, "engine": RAN["engine"] | engine}
    page = trace_page({**TRIAL, "attempts": [RAN, latest, {**RAN, "engine": None}]}, SWEEP, "again")
    assert page["engine"] == f"bfloat16 on cuda, rows together, {words}"


def test_the_ways_of_convolutions_on_a_gpu_are_part_of_the_machine() -> None:
    ways = {"conv1": "grouped", "conv2": "columns", "conv3": "grouped"}
    ran = {**RAN, "machine": {**RAN["machine"], "kind": "NVIDIA H200", "ways": ways}}
    page = trace_page({**TRIAL, "attempts": [ran]}, SWEEP, "again")
    assert page["machine"].endswith("1 thread, no compiled kernels, convolutions columns and grouped")
