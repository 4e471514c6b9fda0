"""Which points may still be the best: by the paired interval of the difference from the best."""

from __future__ import annotations

from services.domain.results.race import contenders
from services.domain.spec.objective import Objective

MAXIMIZE = Objective(metric="val/acc", goal="maximize")
MINIMIZE = Objective(metric="val/loss", goal="minimize")
CLOSE = {
    0: {0: 0.90, 1: 0.80, 2: 0.85},
    1: {0: 0.89, 1: 0.81, 2: 0.84},  # difference 0.01, −0.01, 0.01 from the best
    2: {0: 0.50, 1: 0.41, 2: 0.44},  # 0.4, 0.39, 0.41
}


def test_points_far_behind_get_no_more_seeds() -> None:
    assert contenders(CLOSE, MAXIMIZE, 5) == [0, 1]
    assert contenders(CLOSE, MINIMIZE, 5) == [], "the least one is far ahead"


def test_the_comparison_is_paired() -> None:
    """The means are 0.05 apart and spread by 0.1, but each pair differs by almost the same."""
    paired = {0: {0: 0.9, 1: 0.7, 2: 0.8}, 1: {0: 0.85, 1: 0.651, 2: 0.75}}
    assert contenders(paired, MAXIMIZE, 5) == []
    crossed = {0: {0: 0.9, 1: 0.7, 2: 0.8}, 1: {0: 0.651, 1: 0.85, 2: 0.75}}
    assert contenders(crossed, MAXIMIZE, 5) == [0, 1]


def test_a_point_without_two_values_is_out_and_no_spread_says_nothing() -> None:
    assert contenders({0: {0: 0.9, 1: 0.8}, 1: {0: 0.95, 1: None}, 2: {}}, MAXIMIZE, 5) == []
    same = {0: {0: 0.9, 1: 0.9, 2: 0.9}, 1: {0: 0.8, 1: 0.8, 2: 0.8}}
    assert contenders(same, MAXIMIZE, 5) == [0, 1]
    assert contenders({}, MAXIMIZE, 5) == []


def test_a_point_that_is_better_on_the_common_seeds_stays() -> None:
    """The first one's mean is higher only by a seed that the other does not have."""
    values = {0: {0: 0.5, 1: 0.51, 2: 0.49, 3: 0.99}, 1: {0: 0.6, 1: 0.612, 2: 0.591}}
    assert contenders(values, MAXIMIZE, 5) == [0, 1]
