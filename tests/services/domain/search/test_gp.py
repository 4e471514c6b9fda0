"""The Gaussian process keeps what all searches promise, and is refused where it is not installed."""

from __future__ import annotations

import importlib.util
from typing import Any

import pytest
from paper_catalog import paper_plan, paper_spec

from benchmarks.search_problems import listed, spread
from services.domain import search
from services.domain.asking.ask import ask
from services.domain.asking.history import History
from services.domain.asking.observations import AskedPoint, PointResult
from services.domain.asking.search_space import SearchSpace
from services.domain.errors import SpecError
from services.domain.plan.choices import Group
from services.domain.plan.dependencies import AxisCondition, Dependencies
from services.domain.search import AskedSearch, gp


@pytest.fixture(scope="module")
def method() -> AskedSearch:
    found = search.get("gp")
    assert isinstance(found, AskedSearch)
    if lacking := found.missing():
        pytest.skip(lacking)
    return found


MIXED = SearchSpace(
    [
        listed("kind", ["a", "b", "c"]),
        spread("rate", 1e-5, 10, log=True),
        spread("width", 1, 40, step=3.0, whole=True),
        listed("u", [1, 2, 3]),
        listed("v", ["i", "j", "k"]),
    ],
    Dependencies(
        zips=[["u", "v"]],
        conditions=[AxisCondition(axis="rate", on="kind", indices=[0, 1])],
        constraints=["u != 2"],
        aliases={"u": "u"},
    ),
    [],
)


def cost(point: AskedPoint) -> float:
    return float(sum(hash(at) % 7 for at in point.coordinates.values() if isinstance(at, int)))


def asked(method: AskedSearch, space: SearchSpace, counts: list[int], seed: int = 1) -> list[AskedPoint]:
    """The points of several asks, each with the results of those before; the last two are being tried."""
    points: list[AskedPoint] = []
    for count in counts:
        done = [PointResult(point, cost(point)) for point in points[:-2]]
        going = [PointResult(point, running=True) for point in points[-2:]]
        points += ask(method, space, History([*done, *going]), count, seed)
    return points


def test_points_of_a_mixed_space_are_legal_and_distinct(method: AskedSearch) -> None:
    points = asked(method, MIXED, [12, 2])  # the last two are the method's own
    assert len({point.key for point in points}) == 14
    for point in points:
        values = {path: MIXED.axes[path].value(at) for path, at in point.coordinates.items()}
        assert MIXED.point_of(values) == point, "it has every value that it must have, and no other"
        assert ("rate" in values) == (values["kind"] in ("a", "b"))
        assert values["u"] != 2
        assert (values["u"], values["v"]) in ((1, "i"), (3, "k"))
        assert (values["width"] - 1) % 3 == 0


def test_a_finite_space_is_exhausted_and_then_there_is_nothing(method: AskedSearch) -> None:
    axes = [listed("a", ["w", "x", "y", "z"]), listed("b", [1, 2, 3, 4])]
    space = SearchSpace(axes, Dependencies(), [Group(paths=["a"]), Group(paths=["b"])])
    assert len({point.key for point in asked(method, space, [13, 2, 2])}) == 16


def test_it_looks_at_the_best_and_some_others_of_very_many(
    method: AskedSearch, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []

    class Counted(gp.OptunaStudy):
        def __init__(self, dimensions: Any, observations: Any, seed: int) -> None:
            seen.append(len(observations.values))
            super().__init__(dimensions, observations, seed)

    monkeypatch.setattr(gp, "OptunaStudy", Counted)
    monkeypatch.setattr(gp, "MAX_SEEN", 12)
    monkeypatch.setattr(gp, "MAX_GOOD", 6)
    space = SearchSpace([spread("x", 0, 1)], Dependencies(), [])
    points = [space.at({"x": index / 40}) for index in range(41)]
    results = History(PointResult(point, (point.coordinates["x"] - 0.7) ** 2) for point in points)
    [found] = ask(method, space, results, 1, 1)
    assert seen == [12]
    assert abs(found.coordinates["x"] - 0.7) < 0.1


@pytest.mark.parametrize(
    ("absent", "named"), [({"optuna"}, "optuna"), ({"scipy", "optuna"}, "optuna and scipy")]
)
def test_without_its_packages_it_is_refused_at_submit(
    monkeypatch: pytest.MonkeyPatch, absent: set[str], named: str
) -> None:
    monkeypatch.setattr(
        gp, "find_spec", lambda name: None if name in absent else importlib.util.find_spec(name)
    )
    spec = paper_spec(space={"model.dropout": {"uniform": [0, 0.9]}}, search="gp", max_trials=20)
    with pytest.raises(SpecError) as caught:
        paper_plan(spec)
    [problem] = caught.value.problems
    assert problem.pointer == "/search"
    assert problem.detail == (
        f"search: gp needs {named}: install cnnlab with its extra `search` where the API and workers run"
    )
