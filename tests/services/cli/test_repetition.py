"""services/cli/repetition.py."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

from services.cli.repetition import Difference, compare

MACHINE = {"kind": "a CPU", "torch": "2.13.0", "threads": 1}
ENGINE = {"steps": "called", "kernels": "torch", "rows": "together"}


def trial(*values: Any, row: int = 3, width: int = 8, **changes: Any) -> dict[str, Any]:
    """A trial with a curve; `changes` are those of its machine, its engine or the kind of its device."""
    on, place = changes.pop("device", "cpu"), {"row": row, "width": width}
    engine = {**ENGINE, **{name: changes.pop(name) for name in ENGINE if name in changes}}
    return {
        "curve": [
            {"epoch": epoch, "metrics": {"val/acc": value, "train/loss": 1.5, "perf/speed": id(values)}}
            for epoch, value in enumerate(values, 1)
        ],
        "attempts": [
            {**place, "kind": on, "machine": {**MACHINE, **changes}, "engine": engine},
            {**place, "kind": on, "machine": {**MACHINE, **changes}, "engine": None},  # without an epoch
            {**place, "kind": "gone", "machine": None, "engine": None},  # one that nobody took
        ],
    }  # fmt: skip


def test_equal_curves_are_bit_equal_whatever_their_speed() -> None:
    found = compare(trial(0.5, "nan", 0.7), trial(0.5, "nan", 0.7))
    assert found.bit_equal
    assert list(found.lines()) == [
        "bit-equal over 3 epochs: every value of 2 metrics",
        "the same: device kind, machine kind, torch, threads, kernels, convolutions, steps, width, row; "
        "equal bits are guaranteed",
    ]


def test_a_difference_has_its_first_epoch_and_its_size() -> None:
    found = compare(trial(0.5, 0.6, 0.8), trial(0.5, 0.61, 0.7))
    assert not found.bit_equal
    assert found.differences == [Difference("val/acc", 2, pytest.approx(0.1), pytest.approx(0.125))]
    lines = list(found.lines())
    assert lines[:2] == [
        "not bit-equal over 3 epochs: 1 of 2 metrics differ",
        "val/acc differs from epoch 2 on, by at most 0.1 (relative: 0.125)",
    ]
    assert lines[2].endswith("equal bits are guaranteed, and this is a bug in cnnlab")


def test_one_unit_in_the_last_place_is_a_difference() -> None:
    found = compare(trial(0.5), trial(math.nextafter(0.5, 1)))
    assert not found.bit_equal


@pytest.mark.parametrize("other", ["nan", None])
def test_a_value_that_is_missing_or_not_finite_differs_infinitely(other: Any) -> None:
    found = compare(trial(0.5), trial(other))
    assert found.differences[0].absolute == math.inf
    assert json.loads(json.dumps(found.as_json(), allow_nan=False))["differences"][0]["absolute"] is None


def test_a_changed_condition_lifts_the_guarantee() -> None:
    found = compare(trial(0.5), trial(0.6, width=4, torch="2.9.0"))
    lines = list(found.lines())
    assert "changed: torch was 2.13.0, is now 2.9.0" in lines
    assert "changed: width was 8, is now 4" in lines
    assert lines[-1] == "equal bits are guaranteed only if none of these changes"
    lucky = compare(trial(0.5), trial(0.5, width=4))
    assert list(lucky.lines())[-1].endswith("but the curves are bit-equal")


def test_a_rerun_that_ends_early_is_not_equal_but_one_that_goes_on_is() -> None:
    short = compare(trial(0.5, 0.6), trial(0.5))
    assert not short.bit_equal
    assert "the rerun lacks 1 epoch of the original" in list(short.lines())
    assert compare(trial(0.5), trial(0.5, 0.6)).bit_equal
    assert not compare(trial(), trial(0.5)).bit_equal, "nothing compared is nothing shown"


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("device kind", {"device": "cuda"}),
        ("machine kind", {"kind": "another CPU"}),
        ("torch", {"torch": "2.9.0"}),
        ("threads", {"threads": 2}),
        ("kernels", {"kernels": "avx2"}),
        ("steps", {"steps": "recorded"}),
        ("width", {"width": 4}),
        ("row", {"row": 0}),
    ],
)
def test_each_condition_counts(name: str, changes: dict[str, Any]) -> None:
    found = compare(trial(0.5), trial(0.5, **changes))
    assert [changed.name for changed in found.changed] == [name]


def test_another_way_to_convolve_is_a_changed_condition() -> None:
    task = "6x14x14 by 16 of 5x5"
    before, after = (trial(0.5, ways={task: way}) for way in ("grouped", "columns"))
    assert list(compare(before, after).lines())[1:] == [
        f"changed: convolutions was grouped: {task}, is now columns: {task}",
        "equal bits are not guaranteed after these changes, but the curves are bit-equal",
    ]


def test_the_places_of_stages_are_compared_in_their_order() -> None:
    def stages(*places: tuple[int, int]) -> dict[str, Any]:
        each = [trial(0.5, width=width, row=row)["attempts"][0] for width, row in places]
        return {**trial(0.5), "attempts": each}

    went_on = stages((7, 3), (5, 0))
    assert compare(went_on, stages((7, 3), (7, 3), (5, 0))).changed == []
    changed = compare(went_on, stages((5, 0), (7, 3))).changed
    assert [(each.name, each.was, each.now) for each in changed] == [
        ("width", "7 and 5", "5 and 7"),
        ("row", "3 and 0", "0 and 3"),
    ]
