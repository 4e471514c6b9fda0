"""The spec of a longer or larger sweep, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from paper_catalog import paper_plan, paper_spec

from services.domain.errors import SpecError
from services.domain.planning.extension import extended
from services.domain.spec.spec import Spec


def longer(spec: Spec, epochs: int | None = None, seeds: int | None = None) -> Spec:
    return extended(spec, paper_plan(spec), epochs=epochs, seeds=seeds)


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
    assert "got neither" in detail


def test_a_search_by_results_is_refused() -> None:
    spec = paper_spec(search="tpe", max_trials=8)
    [(pointer, detail)] = refusals(spec, epochs=9)
    assert pointer == ""
    assert "submit a sweep with warm_start" in detail


def test_epochs_that_are_an_axis_are_refused() -> None:
    spec = paper_spec(space={"train.epochs": [2, 4]})
    [(pointer, detail)] = refusals(spec, epochs=9)
    assert pointer == "/epochs"
    assert "is an axis of the sweep" in detail
    assert longer(spec, seeds=2).seeds == 2
