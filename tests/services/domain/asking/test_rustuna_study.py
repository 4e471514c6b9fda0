"""Rustuna's TPE: near good results, away from what is being tried or was refused, the same every time."""

from __future__ import annotations

import pytest

from services.domain.asking.dimension import Choice, Dimension
from services.domain.asking.observations import Observations
from services.domain.asking.rustuna_study import RustunaStudy

X = Dimension("x", "real")
AROUND: list[dict[str, Choice]] = [{"x": 0.45 + index / 300} for index in range(30)]
TRIED: list[dict[str, Choice]] = [{"x": index / 40} for index in range(41)]
VALUES = [(float(choices["x"]) - 0.5) ** 2 for choices in TRIED]


def distance(running: list[dict[str, Choice]], later: str = "") -> float:
    """How far from the best results proposals lie, summed over seeds; `later`: AROUND is told by this."""
    total = 0.0
    for seed in range(30):
        study = RustunaStudy([X], Observations(TRIED, VALUES, running), seed)
        for choices in AROUND if later else ():
            getattr(study, later)(choices)
        total += abs(float(study.propose()(X)) - 0.5)
    return total


def test_it_proposes_near_good_results_and_the_same_every_time() -> None:
    assert distance([]) < 30 * 0.1
    assert distance([]) == distance([])


@pytest.mark.parametrize("how", ["running", "take", "refuse"])
def test_what_is_tried_or_refused_counts_as_the_worst(how: str) -> None:
    found = distance(AROUND) if how == "running" else distance([], later=how)
    assert found > 1.5 * distance([])


@pytest.mark.parametrize("kind", ["steps", "categories"])
def test_choices_of_every_kind(kind: str) -> None:
    each = Dimension("k", kind, 5)  # type: ignore[arg-type]
    seen = Observations(
        [{"k": index % 5} for index in range(40)], [abs(index % 5 - 3) for index in range(40)]
    )
    found = [RustunaStudy([each], seen, seed).propose()(each) for seed in range(20)]
    assert all(type(choice) is int and 0 <= choice < 5 for choice in found)
    assert found.count(3) >= 10
