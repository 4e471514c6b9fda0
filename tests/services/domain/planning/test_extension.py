"""The spec of a longer or larger sweep, and what is refused."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from paper_catalog import PaperCatalog, paper_plan, paper_spec

from services.domain.errors import Problem, SpecError
from services.domain.plan.plan import Plan
from services.domain.planning.extension import extended
from services.domain.planning.planner import make_plan
from services.domain.planning.problems import Problems
from services.domain.spec.spec import MAX_GIVEN_POINTS, Spec

Point = dict[str, Any]


def longer(spec: Spec, epochs: int | None = None, seeds: int | None = None) -> Spec:
    return extended(spec, paper_plan(spec), epochs=epochs, seeds=seeds).spec


def larger(spec: Spec, points: Sequence[Point] | None, **how: Any) -> Plan:
    """The plan of a sweep that is extended by points; `SpecError` with places in the request."""
    extension = extended(spec, paper_plan(spec), points=points, **how)
    problems = tried(extension.tried)
    try:
        return make_plan(extension.spec, PaperCatalog(), limit=1000, memory=1 << 30, problems=problems)
    except SpecError as error:
        raise SpecError([extension.in_request(problem) for problem in error.problems]) from None


def tried(points: int) -> Problems:
    """What planning is given for a spec whose first points are those of a sweep."""
    problems = Problems()
    problems.tried = points
    return problems


def trials_of(plan: Plan) -> dict[tuple[int, int], tuple[int, Point]]:
    """Seed and values of every trial, by point and replicate."""
    numbers = range(plan.trials)
    return {
        (point, plan.replicate_of(number)): (plan.seed_of(number), plan.values(point))
        for number in numbers
        for point in [plan.point_of(number)]
    }


def refusals(spec: Spec, **numbers: Any) -> list[tuple[str, str]]:
    with pytest.raises(SpecError) as caught:
        longer(spec, **numbers)
    return [(problem.pointer, problem.detail) for problem in caught.value.problems]


def test_only_the_number_changes() -> None:
    spec = paper_spec(reuse=False, train={"l2": 0.5})
    assert longer(spec, epochs=9) == spec.model_copy(
        update={"reuse": True, "train": {"l2": 0.5, "epochs": 9}}
    )
    more = longer(spec, seeds=3)
    assert (more.seeds, more.max_trials, more.train) == (3, 12, {"l2": 0.5})


@pytest.mark.parametrize(
    "how",
    [
        {"space": {"model.dropout": {"uniform": [0, 1]}}, "search": "random", "max_trials": 7},
        {"space": {"model.dropout": [0.1, 0.2, 0.3]}, "points": [{"model.dropout": 0.3}]},
        {"space": {"model.depth": [1, 2, 3]}, "max_trials": 6},
    ],
)
def test_points_and_seeds_of_trials_stay(how: dict[str, Any]) -> None:
    spec = paper_spec(seeds=2, seed=5, **how)
    old, new = paper_plan(spec), paper_plan(longer(spec, seeds=4, epochs=8))
    assert old.points == new.points == 3
    assert [old.values(point) for point in range(3)] == [new.values(point) for point in range(3)]
    seeds = {(new.point_of(n), new.replicate_of(n)): new.seed_of(n) for n in range(new.trials)}
    for number in range(old.trials):
        assert seeds[old.point_of(number), old.replicate_of(number)] == old.seed_of(number)


def test_what_adds_nothing_is_refused_at_its_place() -> None:
    spec = paper_spec(seeds=2)
    assert refusals(spec, epochs=3, seeds=1) == [
        ("/epochs", "must be more than the 3 that its trials have, got 3"),
        ("/seeds", "must be more than the 2 that it has, got 1"),
    ]
    [(pointer, detail)] = refusals(spec)
    assert pointer == ""
    assert "got none of them" in detail


RANGES = {"model.dropout": {"uniform": [0, 0.6]}, "model.depth": [2, 3]}
BRANCHES = {
    "train.optimizer": ["sgd", {"name": "adam", "lr": 0.01}],
    "train.optimizer.beta": {"uniform": [0.5, 0.9], "when": {"train.optimizer": "adam"}},
}
OUT_OF_RANGE = {"model.dropout": {"uniform": [0, 0.6], "step": 0.2}, "model.depth": [2, 3]}


@pytest.mark.parametrize(
    ("how", "added"),
    [
        ({}, {"dropout": 0.6}),
        ({"space": {"model.dropout": {"choice": [0.0, 0.5]}, "model.depth": [2]}}, {"dropout": 0.6}),
        ({"space": {"model.dropout": 0.25}, "points": [{"dropout": 0.25}]}, {"dropout": 0.6}),
        ({"space": OUT_OF_RANGE}, {"dropout": 0.2, "depth": 1}),
        ({"space": RANGES, "search": "random", "max_trials": 12}, {"dropout": 0.6}),
        ({"space": RANGES, "search": "sobol", "max_trials": 12}, {"dropout": 0.6}),
        ({"space": {"model.depth": [1, 2, 3, 4, 5, 6]}, "search": "random", "max_trials": 4}, {"depth": 8}),
        ({"space": BRANCHES, "search": "random", "max_trials": 12}, {"optimizer": "adam", "beta": 0.7}),
    ],
)
def test_points_are_added_behind_those_there_are_whose_trials_stay(how: dict[str, Any], added: Point) -> None:
    spec = paper_spec(seeds=2, seed=5, **how)
    old, new = paper_plan(spec), larger(spec, [added])
    assert (new.points, new.seeds) == (old.points + 1, 2)
    assert trials_of(old).items() <= trials_of(new).items()
    last = {path.rpartition(".")[2]: value for path, value in new.values(old.points).items()}
    assert added.items() <= (last | {"optimizer": last.get("optimizer", {}).get("name")}).items()


def test_a_sweep_is_extended_again() -> None:
    spec = paper_spec(space=BRANCHES, search="random", max_trials=12)
    labels = [str(paper_plan(spec).values(point)) for point in range(12)]
    assert len(set(labels)) < 12, "some of its points are the same"
    more = extended(spec, paper_plan(spec), points=[{"optimizer": "adam", "beta": 0.7}])
    old = make_plan(more.spec, PaperCatalog(), limit=1000, memory=1 << 30, problems=tried(more.tried))
    again = extended(more.spec, old, epochs=9, seeds=2)
    new = make_plan(again.spec, PaperCatalog(), limit=1000, memory=1 << 30, problems=tried(again.tried))
    assert (new.points, new.seeds, new.shapes[0].epochs) == (13, 2, 9)
    assert trials_of(old).items() <= trials_of(new).items()


def test_values_that_clash_at_points_which_nobody_lists_are_no_fault() -> None:
    new = larger(paper_spec(), [{"dropout": 0.95, "optimizer": "sgd"}])
    assert (new.points, new.values(4)["model.dropout"]) == (5, 0.95)


def test_more_of_everything_at_once() -> None:
    spec = paper_spec(seeds=2, seed=5)
    new = larger(spec, [{"dropout": 0.7, "optimizer": "sgd"}], seeds=3, epochs=9)
    assert (new.points, new.seeds, new.shapes[0].epochs) == (5, 3, 9)
    assert trials_of(paper_plan(spec)).items() <= trials_of(new).items()


@pytest.mark.parametrize(
    ("points", "place", "words"),
    [
        ([{"dropout": 0.7}, {"lr": 3}], "/points/1/lr", "lr is not an axis of the space"),
        ([{"dropuot": 0.1}], "/points/0/dropuot", "Did you mean"),
        ([{"dropout": 3}], "/points/0/dropout", "dropout must lie in [0, 1], got 3"),
        ([{"dropout": 0.7}, {"optimizer": "adm"}], "/points/1/optimizer", "no optimizer named 'adm'"),
        ([{"dropout": 0.5, "optimizer": "sgd"}], "/points/0", "the sweep has this point already, as point 1"),
        (
            [{"dropout": 0.7, "optimizer": "sgd"}, {"model.dropout": 0.7, "optimizer": "sgd"}],
            "/points/1",
            "is the same point as number 0, counted from 0",
        ),
        ([{"dropout": 0.95, "optimizer": "adam"}], "/points/0", "must be at most 0.9 with adam"),
        ([], "/points", "must list at least one point"),
        ([{"dropout": 0.001 * n} for n in range(MAX_GIVEN_POINTS)], "/points", "1004, of at most 1000"),
    ],
)
def test_a_point_that_cannot_be_added_is_refused_at_its_place(
    points: list[Point], place: str, words: str
) -> None:
    with pytest.raises(SpecError) as caught:
        larger(paper_spec(), points)
    [problem] = caught.value.problems
    assert problem.pointer == place
    assert words in problem.detail


def test_numbers_outside_a_range_and_new_values_of_zips_are_refused() -> None:
    with pytest.raises(SpecError, match=r"/points/0/dropout: must be a number from 0 to 0\.6, got 0\.7"):
        larger(paper_spec(space=RANGES, search="random", max_trials=4), [{"dropout": 0.7}])
    space = {"model.dropout": [0.1, 0.2], "train.l2": [0.1, 0.2]}
    with pytest.raises(
        SpecError, match=r"/points/1/l2: must be a value that train\.l2 has, because it is zipped"
    ):
        larger(paper_spec(space=space, zip=[list(space)]), [{"dropout": 0.2}, {"l2": 0.3}])


def test_the_points_of_a_search_by_results_are_listed() -> None:
    spec = paper_spec(space=RANGES, search="tpe", max_trials=8, seeds=2, warm_start=["3f81c09a2e"])
    asked = [{"model.depth": 3, "model.dropout": 0.25}, {"model.depth": 2, "model.dropout": 0.5}]
    old = paper_plan(spec.model_copy(update={"warm_start": []}))
    new = larger(spec, [{"dropout": 0.125}], asked=asked)
    assert [new.values(point)["model.dropout"] for point in range(new.points)] == [0.25, 0.5, 0.125]
    assert (new.asked, new.trials) == (None, 6)
    seeds = {key: seed for key, (seed, _) in trials_of(new).items()}
    for number in range(4):
        assert seeds[old.point_of(number), old.replicate_of(number)] == old.seed_of(number)
    more = larger(spec, None, asked=asked, seeds=3, epochs=9)
    assert (more.points, more.seeds, more.shapes[0].epochs) == (2, 3, 9)
    [(pointer, detail)] = refusals(spec, seeds=3)
    assert (pointer, "none of its points was ever tried" in detail) == ("", True)


def test_what_no_longer_fits_an_old_point_has_no_place() -> None:
    spec = paper_spec()
    extension = extended(spec, paper_plan(spec), points=[{"dropout": 0.7}])
    [place] = [extension.in_request(Problem("/points/2", "clashes"))]
    assert place == Problem("", "point 2 of the sweep cannot be tried again: clashes")
    assert extension.in_request(Problem("/train", "x")) == Problem("/train", "x")
    assert extension.in_request(Problem("/space/model.dropout/0", "x")).pointer == "/space/model.dropout/0"


def test_epochs_that_are_an_axis_are_refused() -> None:
    spec = paper_spec(space={"train.epochs": [2, 4]})
    [(pointer, detail)] = refusals(spec, epochs=9)
    assert pointer == "/epochs"
    assert "is an axis of the sweep" in detail
    assert longer(spec, seeds=2).seeds == 2
