"""Which results are compared: those after the most epochs of which there are enough."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from services.domain.asking.comparable import FULL, comparable


@pytest.mark.parametrize(
    ("counts", "epochs"),
    [
        ({}, FULL),
        ({FULL: 0}, FULL),
        ({FULL: 2, 3: 0}, FULL),
        ({1: 27, 3: 9, FULL: 3}, 1),
        ({1: 40, 3: 10, FULL: 4}, 3),
        ({1: 200, 3: 60, FULL: 20}, FULL),
        ({1: 4, 3: 6, FULL: 2}, 3),
        ({1: 4, 3: 4, FULL: 2}, 3),
    ],
)
def test_the_greatest_number_of_epochs_with_enough_or_the_one_with_most(
    counts: Mapping[int, int], epochs: int
) -> None:
    assert comparable(counts, 10) == epochs
