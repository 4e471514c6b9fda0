"""services/cli/show/dry_run.py."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from services.cli.show.dry_run import dry_run_report

Printed = Callable[[Any], list[str]]
SHAPE: dict[str, Any] = {
    "key": "0123456789abcdef", "cells": [{"path": "model.width", "name": "width", "text": "8"}],
    "parameters": 61706, "flops": 1234567,
    "bytes_per_row": 2048, "width": 16, "trials": 18, "packs": 2, "epochs": 3,
    "row_by_row": None,
}  # fmt: skip
SWEEP: dict[str, Any] = {
    "by_results": False,
    "trials": 18, "points": 6, "seeds": 3, "folds": 1, "data_notes": [],
    "packs": 2, "duplicates": 0, "shapes": [SHAPE],
    "epochs": 54, "epochs_without_stop": 54,
    "reused": {"trials": 0, "begun": 0, "epochs": 0},
    "memory_bytes": 3 << 20, "seconds": 125.0, "seconds_from": "from 40 packs on this kind of device",
}  # fmt: skip


def test_counts_sizes_and_needs(printed: Printed) -> None:
    counts, shapes, needs = dry_run_report(SWEEP)
    assert counts == "18 trials (6 points × 3 seeds) in 2 packs. Nothing was submitted."
    assert printed(shapes) == [
        "shape width parameters FLOPs/image bytes/row width trials packs epochs",
        "01234567 8 61,706 1,234,567 2 KiB 16 18 2 3",
    ]
    assert needs == (
        "Memory: 3 MiB for the widest pack. Time: about 2 min 5 s, from 40 packs on this kind of device"
    )


def test_folds_and_what_there_is_to_read_about_the_images() -> None:
    folded = SWEEP | {
        "seeds": 2,
        "folds": 5,
        "data_notes": ["3 of 9 validation images are training images, too"],
    }
    counts, _, needs = dry_run_report(folded)
    assert "6 points × 2 seeds × 5 folds" in counts
    assert needs.endswith("\nData: 3 of 9 validation images are training images, too.")


def test_what_early_stopping_leaves() -> None:
    counts, _, _ = dry_run_report({**SWEEP, "epochs": 1200, "epochs_without_stop": 5400})
    assert "in 2 packs; early stopping leaves about 1,200 of 5,400 epochs. " in counts


def test_duplicates_and_an_unknown_time() -> None:
    counts, _, needs = dry_run_report(
        {**SWEEP, "duplicates": 1, "seconds": None, "seconds_from": "not known"}
    )
    assert "in 2 packs; 1 trial with the same values as another. " in counts
    assert needs.endswith("Time: not known")


def test_points_that_are_chosen_later() -> None:
    counts, _, _ = dry_run_report({**SWEEP, "by_results": True})
    assert "in 2 packs, chosen by results while the sweep goes on. " in counts


def test_an_axis_that_a_shape_lacks_is_blank(printed: Printed) -> None:
    other = {**SHAPE, "key": "f" * 16, "cells": [{"path": "model.width", "name": "width", "text": None}]}
    _, shapes, _ = dry_run_report({**SWEEP, "shapes": [SHAPE, other]})
    assert printed(shapes)[2] == "ffffffff 61,706 1,234,567 2 KiB 16 18 2 3"


def test_what_other_sweeps_have_trained() -> None:
    taken = {"trials": 3, "begun": 1, "epochs": 12}
    counts, _, _ = dry_run_report({**SWEEP, "reused": taken})
    assert (
        "; 3 trials taken from earlier sweeps and 1 trial continued from shorter ones, which saves 12 epochs."
    ) in counts


def test_why_trials_do_not_train_side_by_side() -> None:
    alone = {**SHAPE, "row_by_row": "no rule for aten::gru.input"}
    counts, _, _ = dry_run_report({**SWEEP, "shapes": [SHAPE, alone, alone]})
    assert counts.endswith(" Trials of an array train one after the other: no rule for aten::gru.input.")
    assert counts.count("one after the other") == 1
