"""How large a sweep may be: at the limit it is accepted, above it refused."""

from __future__ import annotations

import pytest
from paper_catalog import paper_spec, refusals

from services.domain.errors import SpecError
from services.domain.planning.limits import MAX_RANDOM_TRIALS, check_budget, check_one_point, check_size


def test_at_the_limit_a_sweep_is_accepted() -> None:
    check_size(paper_spec(seeds=5), points=20, limit=100)
    check_size(paper_spec(seeds=5, max_trials=1000), points=200, limit=100)
    check_budget(paper_spec(max_trials=MAX_RANDOM_TRIALS))
    check_budget(paper_spec(max_trials=3, seeds=3))


def test_above_it_the_refusal_says_what_to_write() -> None:
    with pytest.raises(SpecError, match="/space: the space has 21 points, which with 5 seeds are 105 trials"):
        check_size(paper_spec(seeds=5), points=21, limit=100)
    with pytest.raises(SpecError, match=r"or set max_trials: 105$"):
        check_size(paper_spec(seeds=5), points=21, limit=100)
    with pytest.raises(SpecError, match="/max_trials: the space has 101 points, but max_trials is 100"):
        check_size(paper_spec(max_trials=100), points=101, limit=1000)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "needs max_trials"),
        ({"max_trials": MAX_RANDOM_TRIALS + 1}, "must be at most 100000"),
    ],
)
def test_a_budget_that_pays_for_nothing_or_too_much_is_refused(changes: dict[str, int], words: str) -> None:
    with pytest.raises(SpecError, match=words):
        check_budget(paper_spec(search="random", **changes))


@pytest.mark.parametrize("search", ["grid", "random"])
def test_fewer_trials_than_one_point_has_are_refused_with_every_search(search: str) -> None:
    with pytest.raises(
        SpecError, match="/max_trials: must be at least seeds, 3, so that one point can run; got 2"
    ):
        check_one_point(paper_spec(search=search, max_trials=2, seeds=3))
    (found,) = refusals(search=search, max_trials=2, seeds=3)
    assert found[0] == "/max_trials"
    check_one_point(paper_spec(search=search, max_trials=3, seeds=3))
