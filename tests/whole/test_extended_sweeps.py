"""A sweep that is extended trains nothing twice, and has the curves of one as large from the start."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import func, select
from whole_lab import Lab, numbers
from worker_process import wait_for

from services.store.models import Pack
from services.store.session import Store

# Four points in one array, whose width and rows are the same at every length.
SPEC: dict[str, Any] = {
    "model": {"name": "mlp", "hidden": [16]},
    "space": {"model.dropout": [0, 0.2], "train.optimizer": ["momentum", {"name": "adam", "lr": 0.002}]},
    "train": {"epochs": 1, "test": "best", "schedule": {"name": "step", "every": 2, "factor": 0.5}},
    "reuse": True,
}


def finish(lab: Lab, sweep_id: str) -> None:
    """Wait until a sweep has ended well."""
    wait_for(lambda: lab.client.sweep(sweep_id)["state"] == "succeeded", 90, "the end of the sweep")


def trained_epochs(lab: Lab, sweep_id: str) -> int:
    """How many epochs of trials the packs of a sweep have trained."""
    store = Store(lab.settings.database_url)
    try:
        trained = select(func.sum(Pack.live_rows)).where(Pack.sweep_id == sweep_id)
        return store.read(lambda session: session.scalar(trained) or 0)
    finally:
        store.close()


def curves(lab: Lab, sweep_id: str, seeds: int = 1) -> list[list[dict[str, Any]]]:
    """The curve of every trial, in the order of points and replicates."""
    trials = sorted(lab.client.trials(sweep_id), key=lambda each: (each["replicate"], each["point"]))
    return [numbers(lab.client.trial(trial["id"])) for trial in trials if trial["replicate"] < seeds]


@pytest.mark.long
def test_a_sweep_is_extended_twice_and_reused(lab: Lab) -> None:
    first = lab.submit(**SPEC, project="extended")
    finish(lab, first)
    second = lab.client.extend(first, epochs=3)
    assert (second["extends"], second["reused"], second["epochs"]["reused"]) == (first, 4, 4)
    finish(lab, second["id"])
    third = lab.client.extend(second["id"], seeds=2)
    finish(lab, third["id"])
    whole = lab.submit(**SPEC | {"train": SPEC["train"] | {"epochs": 3}}, project="in one go")
    finish(lab, whole)

    assert [trained_epochs(lab, each) for each in (first, second["id"], third["id"])] == [4, 8, 12]
    assert curves(lab, second["id"]) == curves(lab, third["id"]) == curves(lab, whole)
    ended = lab.client.sweep(third["id"])
    assert (ended["reused"], ended["epochs"]) == (4, {"done": 24, "total": 24, "reused": 12})
    again = lab.client.submit({**SPEC, "name": "again", "project": "extended", "data": "fashion-mnist-mini"})
    assert lab.counts(again["id"]) == {"succeeded": 4}
