"""Identities: the same for trials with the same numbers, however their config is written; else different."""

from __future__ import annotations

from typing import Any

import pytest
from paper_catalog import paper_plan, paper_spec

from services.domain.plan.identity import Identities
from services.domain.plan.plan import Fork, Pin, Plan, Segment
from services.domain.spec.spec import Spec

CODE = dict.fromkeys(("", "net", "paper", "sgd", "adam", "l2"), "digest")


def planned(code: dict[str, str] | None = None, **changes: Any) -> tuple[Spec, Plan]:
    spec = paper_spec(**changes)
    return spec, paper_plan(spec).model_copy(update={"code": CODE if code is None else code})


def identity(point: int = 0, seed: int = 1, replicate: int = 0, **changes: Any) -> str | None:
    spec, plan = planned(**changes)
    return Identities(spec, plan).of(plan.values(point), seed, replicate)


def test_it_is_a_sha_256() -> None:
    assert len(identity() or "") == 64


@pytest.mark.parametrize(
    "changes",
    [
        {"train": {"epochs": 9}},
        {"name": "another", "priority": 3, "reuse": False},
        {"space": {"train.optimizer": ["sgd"], "model.dropout": [0.0, 0.3]}},
        {"space": {}, "model": {"name": "net", "dropout": 0}, "train": {"optimizer": "sgd"}},
        {"space": {"model.depth": [2, 3]}},
        {"code": {**CODE, "adam": "another"}},
        {"objective": {"metric": "val/acc", "at": "last"}},
    ],
)
def test_it_does_not_change_with_what_changes_no_number(changes: dict[str, Any]) -> None:
    assert identity(**changes) == identity()


@pytest.mark.parametrize(
    "changes",
    [
        {"seed": 2},
        {"replicate": 1},
        {"point": 1},
        {"model": {"name": "net", "depth": 3}},
        {"train": {"l2": 0.5}},
        {"train": {"precision": "float64"}},
        {"data": {"name": "paper", "validation": 0.2}},
        {"objective": "val/loss"},
        {"code": {**CODE, "": "another"}},
        {"code": {**CODE, "sgd": "another"}},
        {"code": {**CODE, "l2": "another"}},
    ],
)
def test_it_changes_with_what_changes_numbers(changes: dict[str, Any]) -> None:
    assert identity(**changes) != identity()


def test_the_seed_of_the_batches_counts() -> None:
    def of(seed: int) -> str | None:
        spec, plan = planned(seed=seed)
        return Identities(spec, plan).of(plan.values(0), 1, 0)

    assert of(0) != of(1)


@pytest.mark.parametrize("missing", ["net", "paper", "sgd"])
def test_there_is_none_where_code_or_content_is_unknown(missing: str) -> None:
    assert identity(code={name: digest for name, digest in CODE.items() if name != missing}) is None
    assert identity(code={}) is None


def test_a_repeated_trial_and_a_fork_have_none() -> None:
    spec, plan = planned()
    pin = Pin(trial="t", name="n", replicate=0, seed=1, segments=[Segment(until=3, width=1, row=0)])
    fork = Fork(trial="t", name="n", replicate=0, seed=1)
    for origin in ({"pin": pin}, {"fork": fork}):
        assert Identities(spec, plan.model_copy(update=origin)).of({}, 1, 0) is None


def with_data(data: dict[str, Any]) -> str | None:
    spec, plan = planned()
    return Identities(spec, plan.model_copy(update={"base": {**plan.base, "data": data}})).of({}, 1, 0)


def test_where_known_images_lie_does_not_matter() -> None:
    here = {"name": "paper", "path": "a.npz", "sha256": "one"}
    assert with_data(here) == with_data({**here, "path": "b.npz"})
    assert with_data(here) != with_data({**here, "sha256": "two"})
    assert with_data({**here, "sha256": ""}) != with_data({**here, "path": "b.npz", "sha256": ""})


def test_an_inner_value_replaces_all_that_an_outer_one_has_there() -> None:
    spec, plan = planned()
    of = Identities(spec, plan).of
    outer = {"train.optimizer": {"name": "adam", "lr": 0.1, "beta": 0.9}}
    longer = {"train.optimizer": {"name": "adam", "lr": {"a": 1, "b": 2}, "beta": 0.9}}
    assert of({**longer, "train.optimizer.lr": 0.1}, 1, 0) == of(outer, 1, 0)
    assert of({"train.optimizer.lr": 0.1, **longer}, 1, 0) == of(outer, 1, 0)
