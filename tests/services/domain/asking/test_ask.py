"""Asking: legal points, each of them once, the same for the same results; at first the Sobol sequence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.search_problems import PROBLEMS, listed, spread, tried
from services.domain import search
from services.domain.asking.ask import ask
from services.domain.asking.history import History
from services.domain.asking.observations import PointResult
from services.domain.asking.proposer import Proposer
from services.domain.asking.search_space import SearchSpace
from services.domain.plan.axis import Axis
from services.domain.plan.choices import Group
from services.domain.plan.dependencies import AxisCondition, Dependencies
from services.domain.search import AskedSearch

FAST = [name for name in search.asked_names() if name != "gp"]
GRID = [listed("a", ["x", "y", "z"]), listed("b", [1, 2, 3, 4])]
GROUPS = [Group(paths=["a"]), Group(paths=["b"])]


def method(name: str) -> AskedSearch:
    found = search.get(name)
    assert isinstance(found, AskedSearch)
    if lacking := found.missing():
        pytest.skip(lacking)
    return found


def keys(results: Sequence[PointResult]) -> list[str]:
    return [result.point.key for result in results]


@pytest.mark.parametrize("name", FAST)
def test_the_same_results_give_the_same_points(name: str) -> None:
    one, other = (tried(PROBLEMS["conditional"], method(name), 40, 5, seed=2) for _ in range(2))
    assert keys(one) == keys(other)
    assert keys(one) != keys(tried(PROBLEMS["conditional"], method(name), 40, 5, seed=3))
    assert len(set(keys(one))) == 40


@pytest.mark.parametrize("name", FAST)
def test_other_results_give_other_points(name: str) -> None:
    problem = PROBLEMS["sphere"]
    seen = tried(problem, method(name), 40, 5, seed=1)
    turned = [PointResult(each.point, -(each.value or 0)) for each in seen]
    one, other = (ask(method(name), problem.space, History(each), 3, 1) for each in (seen, turned))
    assert one != other


@pytest.mark.parametrize("name", FAST)
def test_a_finite_space_is_exhausted_and_then_there_is_nothing(name: str) -> None:
    space = SearchSpace(GRID, Dependencies(), GROUPS)
    found: list[PointResult] = []
    for expected in (5, 5, 2, 0):
        points = ask(method(name), space, History(found), 5, 4)
        assert len(points) == expected
        found += [PointResult(point, float(len(point.key))) for point in points]
    assert len(set(keys(found))) == space.size == 12


def test_the_first_points_are_those_of_the_sequence_however_they_are_asked_for() -> None:
    space, tpe = PROBLEMS["sphere"].space, method("tpe")
    together = ask(tpe, space, History(), 8, 6)
    first = ask(tpe, space, History(), 3, 6)
    later = ask(tpe, space, History(PointResult(point, running=True) for point in first), 5, 6)
    assert together == first + later
    assert ask(tpe, space, History(), 5, 6, given=first) == later


def test_points_that_are_asked_for_otherwise_do_not_come_again() -> None:
    space = SearchSpace(GRID, Dependencies(), GROUPS)
    given_points = [space.listed(index) for index in range(7)]
    found = ask(method("tpe"), space, History(), 12, 4, given=given_points)
    assert {point.key for point in (*given_points, *found)} == {space.listed(n).key for n in range(12)}
    assert len(found) == 5


def test_results_from_elsewhere_count_but_their_points_may_be_tried() -> None:
    problem, tpe = PROBLEMS["discrete"], method("tpe")
    elsewhere = tried(problem, tpe, 60, 6, seed=1)
    best = min(elsewhere, key=lambda each: each.value or 0)
    found = ask(tpe, problem.space, History(elsewhere=elsewhere), 12, 9)
    assert found != ask(tpe, problem.space, History(), 12, 9)
    costs = sorted(map(problem.value, found))
    assert costs[0] < 0.5, "close to the minimum at once"
    assert best.value is not None
    assert {point.key for point in found} & set(keys(elsewhere))


def test_a_constraint_that_the_method_always_misses_is_met_by_random_points(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Proposer, "max_proposals", 1)
    axes = [spread("x", 0, 1), spread("y", 0, 1)]
    space = SearchSpace(axes, Dependencies(constraints=["x < 0.02"], aliases={"x": "x"}), [])
    found = ask(method("tpe"), space, History(), 10, 1)
    assert len(found) == 10
    assert all(point.coordinates["x"] < 0.02 for point in found)


def test_a_constraint_that_practically_no_point_meets_leaves_none() -> None:
    never = Dependencies(constraints=["x < 0"], aliases={"x": "x"})
    assert ask(method("tpe"), SearchSpace([spread("x", 0, 1)], never, []), History(), 3, 1) == []


@st.composite
def spaces(draw: st.DrawFn) -> SearchSpace:
    """Axes of every form, with a condition, a zip and a constraint."""
    axes: list[Axis] = [listed("kind", ["a", "b", "c"][: draw(st.integers(2, 3))])]
    for index in range(draw(st.integers(1, 4))):
        form = draw(st.sampled_from(["real", "log", "steps", "numbers", "texts", "one"]))
        path = f"x{index}"
        forms: dict[str, Any] = {
            "real": spread(path, -3, 5),
            "log": spread(path, 1e-5, 10, log=True),
            "steps": spread(path, 1, 4000, step=3.0, whole=True),
            "numbers": listed(path, [1, 2, 4, 8, 16]),
            "texts": listed(path, ["p", "q", "r", "s"]),
            "one": listed(path, [7]),
        }
        axes.append(forms[form])
    paths = [axis.path for axis in axes]
    conditions = [
        AxisCondition(axis=path, on="kind", indices=draw(st.sampled_from([[0], [1], [0, 1]])))
        for path in paths[1:]
        if draw(st.booleans())
    ]
    zips = []
    if draw(st.booleans()):
        axes += [listed("u", [1, 2, 3]), listed("v", ["i", "j", "k"])]
        zips = [["u", "v"]]
    numbers = [axis.path for axis in axes if axis.path == "u"]
    constraints = ["u != 2"] if numbers and draw(st.booleans()) else []
    aliases = {"u": "u"} if constraints else {}
    return SearchSpace(
        axes, Dependencies(zips=zips, conditions=conditions, constraints=constraints, aliases=aliases), []
    )


@settings(max_examples=40, deadline=None)
@given(spaces(), st.sampled_from(FAST), st.integers(0, 5))
def test_every_point_is_legal_and_none_comes_twice(space: SearchSpace, name: str, seed: int) -> None:
    found: list[PointResult] = []
    for _ in range(4):
        points = ask(method(name), space, History(found), 6, seed)
        found += [PointResult(point, float(len(point.key) % 7)) for point in points]
    assert len(set(keys(found))) == len(found)
    for result in found:
        point = result.point
        assert space.is_met(point.coordinates)
        values = {path: space.axes[path].value(at) for path, at in point.coordinates.items()}
        assert space.point_of(values) == point, "it has every value that it must have, and no other"
