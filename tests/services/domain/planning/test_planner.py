"""Whole plans against a count by hand and against brute force: conditions, zips, constraints, seeds."""

from __future__ import annotations

import json
import math
from collections import Counter
from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from paper_catalog import paper_plan, paper_spec

from services.domain.errors import SpecError
from services.domain.plan.plan import Plan


def points(plan: Plan) -> list[dict[str, Any]]:
    return [plan.values(point) for point in range(plan.points)]


def names(found: list[dict[str, Any]], path: str) -> Counter[Any]:
    return Counter(
        values[path]["name"] if isinstance(values[path], dict) else values[path] for values in found
    )


def test_a_space_without_axes_is_one_point() -> None:
    plan = paper_plan(paper_spec(space={}))
    assert (plan.points, plan.trials, plan.values(0)) == (1, 1, {})
    assert plan.config(0)["train"]["optimizer"]["name"] == "sgd"


def test_a_fixed_value_is_an_axis_of_one() -> None:
    plan = paper_plan(
        paper_spec(space={"model.dropout": 0.25, "train.optimizer": {"name": "adam", "lr": 0.5}})
    )
    assert plan.points == 1
    assert plan.config(0)["model"]["dropout"] == 0.25
    assert plan.config(0)["train"]["optimizer"] == {"name": "adam", "lr": 0.5, "beta": 0.9}


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ({"uniform": [0, 0.6], "step": 0.2}, [0.0, 0.2, 0.4, 0.6]),
        ({"uniform": [0, 0.5], "step": 0.2}, [0.0, 0.2, 0.4]),
        ({"uniform": [0.1, 0.4], "step": 0.1}, [0.1, 0.2, 0.3, 0.4]),
        ({"log_uniform": [1e-4, 1e-1], "step": 10}, [1e-4, 1e-3, 1e-2, 1e-1]),
        ({"int": [0, 1]}, [0.0, 1.0]),
        ({"choice": [0.5, 0.25]}, [0.5, 0.25]),
    ],
)
def test_a_range_with_steps_is_a_list(written: Any, expected: list[float]) -> None:
    plan = paper_plan(paper_spec(space={"model.dropout": written}))
    assert [values["model.dropout"] for values in points(plan)] == expected


def test_a_range_of_integers_is_held_by_index() -> None:
    spec = paper_spec(space={"train.optimizer.lr": {"int": [1, 5_000_000], "step": 3}}, max_trials=2_000_000)
    plan = paper_plan(spec)
    assert plan.points == 1_666_667
    assert plan.values(1_000_000) == {"train.optimizer.lr": 3_000_001}
    assert len(plan.model_dump_json()) < 2000


def test_every_point_of_the_grid_appears_once() -> None:
    plan = paper_plan(
        paper_spec(space={"model.depth": [2, 4], "model.dropout": [0, 0.5], "train.l2": [0, 1e-3]})
    )
    points = [
        (c["model"]["depth"], c["model"]["dropout"], c["train"]["l2"]["strength"])
        for c in map(plan.config, range(plan.trials))
    ]
    assert sorted(points) == sorted(product([2, 4], [0.0, 0.5], [0.0, 1e-3]))


def test_a_bare_name_replaces_the_whole_object_and_takes_its_defaults() -> None:
    plan = paper_plan(
        paper_spec(train={"optimizer": {"name": "adam", "beta": 0.5}}, space={"train.optimizer": ["adam"]})
    )
    assert plan.config(0)["train"]["optimizer"] == {"name": "adam", "lr": 0.001, "beta": 0.9}


def test_a_child_axis_is_set_inside_each_of_its_parents_choices() -> None:
    plan = paper_plan(
        paper_spec(space={"train.optimizer": ["sgd", "adam"], "train.optimizer.lr": [0.3, 0.4]})
    )
    found = {(o["name"], o["lr"]) for o in (plan.config(p)["train"]["optimizer"] for p in range(4))}
    assert found == set(product(["sgd", "adam"], [0.3, 0.4]))


CONDITIONAL = {
    "train.optimizer": ["sgd", "adam"],
    "train.optimizer.beta": {"choice": [0.8, 0.9, 0.95], "when": {"train.optimizer": "adam"}},
    "model.dropout": [0.0, 0.5],
}


def test_a_conditional_axis_has_no_value_where_its_condition_fails() -> None:
    plan = paper_plan(paper_spec(space=CONDITIONAL))
    found = points(plan)
    assert len(found) == 2 + 6
    assert names(found, "train.optimizer") == {"sgd": 2, "adam": 6}
    for point, values in enumerate(found):
        adam = values["train.optimizer"]["name"] == "adam"
        assert ("train.optimizer.beta" in values) is adam
        assert plan.config(point)["train"]["optimizer"].get("beta") == (
            values["train.optimizer.beta"] if adam else None
        )


def test_a_conditional_axis_elsewhere_keeps_the_default() -> None:
    space = {
        "train.optimizer": ["adam", "sgd"],
        "model.dropout": {"choice": [0.3, 0.6], "when": {"train.optimizer": ["adam"]}},
    }
    plan = paper_plan(paper_spec(space=space))
    dropouts = [plan.config(point)["model"]["dropout"] for point in range(plan.points)]
    assert sorted(dropouts) == [0.0, 0.3, 0.6]


def test_a_condition_may_join_rows_and_shapes() -> None:
    space = {"model.depth": [2, 4, 6], "model.dropout": {"choice": [0.1, 0.2], "when": {"depth": [2, 6]}}}
    plan = paper_plan(paper_spec(space=space))
    assert [shape.points for shape in plan.shapes] == [2, 1, 2]
    assert points(plan) == [
        {"model.depth": 2, "model.dropout": 0.1},
        {"model.depth": 2, "model.dropout": 0.2},
        {"model.depth": 4},
        {"model.depth": 6, "model.dropout": 0.1},
        {"model.depth": 6, "model.dropout": 0.2},
    ]


def test_zipped_axes_advance_together() -> None:
    space = {"model.dropout": [0.1, 0.2, 0.3], "train.l2": [1, 2, 3], "model.depth": [2, 4]}
    plan = paper_plan(paper_spec(space=space, zip=[["dropout", "train.l2"]]))
    pairs = {(v["model.dropout"], v["train.l2"]["strength"]) for v in points(plan)}
    assert plan.points == 6
    assert pairs == {(0.1, 1.0), (0.2, 2.0), (0.3, 3.0)}


def test_constraints_leave_what_meets_them() -> None:
    space = {"model.dropout": [0, 0.2, 0.4, 0.6], "train.optimizer": ["sgd", "adam"]}
    plan = paper_plan(
        paper_spec(
            space=space, constraints=['optimizer == "sgd" or dropout + 0.1 <= 0.5', "model.dropout != 0"]
        )
    )
    assert Counter((v["train.optimizer"]["name"], v["model.dropout"]) for v in points(plan)) == {
        ("sgd", 0.2): 1,
        ("sgd", 0.4): 1,
        ("sgd", 0.6): 1,
        ("adam", 0.2): 1,
        ("adam", 0.4): 1,
    }


RANDOM = {
    "model.dropout": {"uniform": [0.1, 0.6]},
    "train.l2": {"log_uniform": [1e-5, 1e-1]},
    "train.optimizer": ["sgd", "adam"],
    "train.optimizer.beta": {"uniform": [0.5, 0.99], "when": {"train.optimizer": "adam"}},
    "model.depth": {"int": [2, 4]},
}


def test_a_random_search_draws_from_ranges() -> None:
    plan = paper_plan(paper_spec(space=RANDOM, search="random", max_trials=600))
    found = points(plan)
    assert len(found) == 600
    assert set(names(found, "model.depth")) == {2, 3, 4}
    assert all(150 < count < 250 for count in names(found, "model.depth").values())
    assert all(250 < count < 350 for count in names(found, "train.optimizer").values())
    dropouts = sorted(values["model.dropout"] for values in found)
    assert 0.1 <= dropouts[0] < 0.12
    assert 0.58 < dropouts[-1] <= 0.6
    assert abs(dropouts[300] - 0.35) < 0.03
    logs = sorted(math.log10(values["train.l2.strength"]) for values in found)
    assert -5 <= logs[0] < logs[-1] <= -1
    assert abs(logs[300] + 3) < 0.25
    for values in found:
        adam = values["train.optimizer"]["name"] == "adam"
        assert ("train.optimizer.beta" in values) is adam
    assert len({json.dumps(values) for values in found}) == 600


def test_another_seed_draws_other_points_and_the_same_seed_the_same() -> None:
    spec = paper_spec(space=RANDOM, search="random", max_trials=20)
    again = paper_spec(space=RANDOM, search="random", max_trials=20)
    other = paper_spec(space=RANDOM, search="random", max_trials=20, seed=1)
    assert points(paper_plan(spec)) == points(paper_plan(again))
    assert points(paper_plan(spec)) != points(paper_plan(other))


def test_a_random_search_of_a_listed_space_repeats_no_point() -> None:
    space = {"model.dropout": [i / 20 for i in range(20)], "model.depth": [2, 4], "train.l2": [0, 1]}
    found = points(paper_plan(paper_spec(space=space, search="random", max_trials=60)))
    assert len({json.dumps(values) for values in found}) == len(found) == 60
    whole = paper_plan(paper_spec(space=space, search="random", max_trials=500))
    assert whole.points == 80


def test_seeds_multiply_trials_and_share_points() -> None:
    plan = paper_plan(paper_spec(seeds=5))
    assert (plan.points, plan.trials) == (4, 20)
    pairs = Counter((plan.point_of(n), plan.replicate_of(n)) for n in range(20))
    assert pairs == Counter(product(range(4), range(5)))
    assert len({plan.seed_of(n) for n in range(20)}) == 20


def test_a_plan_of_every_kind_of_axis_survives_json() -> None:
    plan = paper_plan(paper_spec(space=RANDOM, search="random", max_trials=50, seeds=2))
    again = Plan.model_validate(json.loads(plan.model_dump_json()))
    assert points(again) == points(plan)


@st.composite
def spaces(draw: st.DrawFn) -> dict[str, Any]:
    """A space of listed axes with a condition, a zip and a constraint, each of which may be missing."""
    size = draw(st.integers(1, 4))
    l2: Any = list(range(draw(st.integers(1, 4))))
    space: dict[str, Any] = {
        "model.dropout": [i / 10 for i in range(size)],
        "model.depth": draw(st.sampled_from([[2], [2, 4], [2, 3, 5]])),
        "train.optimizer": draw(st.sampled_from([["sgd"], ["adam", "sgd"]])),
    }
    if draw(st.booleans()):
        l2 = {
            "choice": l2,
            "when": {"model.depth": draw(st.lists(st.sampled_from(space["model.depth"]), min_size=1))},
        }
    space["train.l2"] = l2
    changes: dict[str, Any] = {"space": space, "seeds": draw(st.integers(1, 12))}
    if draw(st.booleans()):
        changes["constraints"] = ["dropout * 10 + train.l2 <= model.depth"]
    if isinstance(l2, list) and len(l2) == size and draw(st.booleans()):
        changes["zip"] = [["train.l2", "model.dropout"]]
    return changes


def by_hand(changes: dict[str, Any]) -> Counter[tuple[Any, ...]]:
    """Every point of such a space, by trying all combinations."""
    space = changes["space"]
    l2 = space["train.l2"]
    values = l2 if isinstance(l2, list) else l2["choice"]
    when = None if isinstance(l2, list) else l2["when"]["model.depth"]
    found: set[tuple[Any, ...]] = set()
    for (i, dropout), depth, optimizer, (j, strength) in product(
        enumerate(space["model.dropout"]), space["model.depth"], space["train.optimizer"], enumerate(values)
    ):
        active = when is None or depth in when
        if changes.get("zip") and i != j:
            continue
        if changes.get("constraints") and active and not dropout * 10 + strength <= depth:
            continue
        found.add((dropout, depth, optimizer, float(strength) if active else None))
    return Counter(found)


@settings(max_examples=150, deadline=None)
@given(spaces())
def test_a_grid_is_what_brute_force_finds_and_every_trial_has_its_place(changes: dict[str, Any]) -> None:
    expected = by_hand(changes)
    try:
        plan = paper_plan(paper_spec(**changes), limit=10_000)
    except SpecError:
        assert not expected
        return
    found = Counter(
        (
            values["model.dropout"],
            values["model.depth"],
            values["train.optimizer"]["name"],
            values["train.l2"]["strength"] if "train.l2" in values else None,
        )
        for values in points(plan)
    )
    assert found == expected
    pairs = Counter((plan.point_of(n), plan.replicate_of(n)) for n in range(plan.trials))
    assert pairs == Counter(product(range(plan.points), range(plan.seeds)))
    number = 0
    while number < plan.trials:  # packs as dispatch draws them
        shape = plan.shapes[plan.shape_of(plan.point_of(number))]
        pack = range(number, number + min(shape.width, plan.run_of(number)))
        assert {plan.shape_of(plan.point_of(n)) for n in pack} == {plan.shape_of(plan.point_of(number))}
        assert shape.mixed or len({plan.replicate_of(n) for n in pack}) == 1
        number = pack.stop
