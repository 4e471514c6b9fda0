"""Each search by results beats random search: on a smooth function, one of many minima, one of conditions."""

from __future__ import annotations

import math

import pytest

from benchmarks.search_methods import gains
from benchmarks.search_problems import PROBLEMS, spread
from services.domain import search
from services.domain.asking.ask import ask
from services.domain.asking.history import History
from services.domain.asking.observations import PointResult
from services.domain.asking.search_space import SearchSpace
from services.domain.plan.dependencies import Dependencies
from services.domain.results.intervals import interval
from services.domain.search import AskedSearch


@pytest.mark.parametrize("problem", ["sphere", "rastrigin", "conditional"])
@pytest.mark.parametrize("name", ["tpe", "cma-es"])
def test_over_twenty_seeds_it_is_better_than_random_search(name: str, problem: str) -> None:
    method = search.get(name)
    assert isinstance(method, AskedSearch)
    low, _ = interval(gains(PROBLEMS[problem], method, 120, 8, range(20))) or (-math.inf, math.inf)
    assert low > 0


def test_a_gaussian_process_proposes_the_same_every_time_and_looks_at_results() -> None:
    method = search.get("gp")
    assert isinstance(method, AskedSearch)
    if lacking := method.missing():
        pytest.skip(lacking)
    space = SearchSpace([spread("x", 0, 1)], Dependencies(), [])
    tried = [space.at({"x": index / 10}) for index in range(11)]
    low, high = (
        History(PointResult(point, (point.coordinates["x"] - least) ** 2) for point in tried)
        for least in (0.22, 0.78)
    )
    first = ask(method, space, low, 1, 1)
    assert abs(first[0].coordinates["x"] - 0.22) < 0.1
    assert abs(ask(method, space, high, 1, 1)[0].coordinates["x"] - 0.78) < 0.1
    assert first == ask(method, space, low, 1, 1)
