"""services/cli/repetition.py."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

from services.cli.repetition import Difference, compare

MACHINE = {"kind": "a CPU", "torch": "2.13.0", "threads": 1}


def trial(*values: Any, row: int = 3, width: int = 8, **machine: Any) -> dict[str, Any]:
    return {
        "curve": [
            {"epoch": epoch, "metrics": {"val/acc": value, "train/loss": 1.5, "perf/speed": id(values)}}
            for epoch, value in enumerate(values, 1)
        ],
        "attempts": [
            {"row": row, "width": width, "machine": {**MACHINE, **machine}},
            {"row": row, "width": width, "machine": None},  # one that nobody took
        ],
    }  # fmt: skip


def test_equal_curves_are_bit_equal_whatever_their_speed() -> None:
    found = compare(trial(0.5, "nan", 0.7), trial(0.5, "nan", 0.7))
    assert found.bit_equal
    assert list(found.in_words()) == [
        "bit-equal over 3 epochs: 2 metrics, every number",
        "the same: machine kind, torch, threads, width, row; so equal bits are promised",
    ]


def test_a_difference_is_told_with_its_first_epoch_and_its_size() -> None:
    found = compare(trial(0.5, 0.6, 0.8), trial(0.5, 0.61, 0.7))
    assert not found.bit_equal
    assert found.differences == [Difference("val/acc", 2, pytest.approx(0.1), pytest.approx(0.125))]
    told = list(found.in_words())
    assert told[:2] == [
        "not bit-equal: 1 of 2 metrics over 3 epochs differ",
        "val/acc differs from epoch 2 on, by at most 0.1 (0.125 of the value)",
    ]
    assert told[2].endswith("equal bits are promised, and this is a fault of the service")


def test_one_unit_in_the_last_place_is_a_difference() -> None:
    found = compare(trial(0.5), trial(math.nextafter(0.5, 1)))
    assert not found.bit_equal


@pytest.mark.parametrize("other", ["nan", None])
def test_a_value_that_is_missing_or_not_finite_differs_infinitely(other: Any) -> None:
    found = compare(trial(0.5), trial(other))
    assert found.differences[0].absolute == math.inf
    assert json.loads(json.dumps(found.as_json(), allow_nan=False))["differences"][0]["absolute"] is None


def test_a_changed_condition_takes_the_promise_back() -> None:
    found = compare(trial(0.5), trial(0.6, width=4, torch="2.9.0"))
    lines = list(found.in_words())
    assert "not the same: torch was 2.13.0, is 2.9.0" in lines
    assert "not the same: width was 8, is 4" in lines
    assert lines[-1] == "equal bits are promised only where none of these changes"
    lucky = compare(trial(0.5), trial(0.5, width=4))
    assert list(lucky.in_words())[-1].endswith("came out all the same")


def test_a_rerun_that_ends_early_is_not_equal_but_one_that_goes_on_is() -> None:
    short = compare(trial(0.5, 0.6), trial(0.5))
    assert not short.bit_equal
    assert "1 epoch of the original the rerun lacks" in list(short.in_words())
    assert compare(trial(0.5), trial(0.5, 0.6)).bit_equal
    assert not compare(trial(), trial(0.5)).bit_equal, "nothing compared is nothing shown"
