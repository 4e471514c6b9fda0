"""What a sweep may say of its data: axes, refusals, and trials with batches of their own."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi.testclient import TestClient

from services.domain.plan.plan import Plan
from services.store import sweeps
from services.store.session import Store

MINI = {"name": "fashion-mnist-mini"}


def plan_of(api: TestClient, store: Store, spec: dict[str, Any]) -> Plan:
    """Submit a sweep and return what was planned."""
    answer = api.post("/v1/sweeps", json=spec)
    assert answer.status_code == 201, answer.text
    return store.read(lambda session: sweeps.get(session, answer.json()["id"])).plan


def test_the_catalog_has_augmentations(sqlite_api: TestClient) -> None:
    found = sqlite_api.get("/v1/catalog").json()["augmentations"]
    assert {"flip", "pad-crop"} <= set(found)
    assert (
        found["flip"]["hypers"]["amount"] | {"low": 0, "high": 1, "row": False, "default": 0}
        == (found["flip"]["hypers"]["amount"])
    )


def test_fields_of_data_are_axes_of_shapes(
    sqlite_api: TestClient, sqlite_store: Store, spec: dict[str, Any]
) -> None:
    space = {
        "data.flip": [0, 0.5],
        "data.pad-crop": {"int": [0, 4], "step": 4},
        "data.label_noise": [0, 0.2],
        "data.batches": ["shuffled", "balanced"],
        "data.resize": [0, 32],
    }
    plan = plan_of(sqlite_api, sqlite_store, spec | {"model": "mlp", "space": space})
    assert plan.points == len(plan.shapes) == 32
    assert len({shape.key for shape in plan.shapes}) == 32
    assert {shape.parameters for shape in plan.shapes} == {109_386, 140_106}  # 28×28 and 32×32
    own = plan.config(31)["data"]
    assert (own["flip"], own["pad-crop"], own["label_noise"], own["batches"]) == (0.5, 4, 0.2, "balanced")


@pytest.mark.parametrize(
    ("changes", "pointer", "words"),
    [
        ({"data": MINI | {"flip": 2}}, "/data/flip", "must be a number from 0 to 1, got 2"),
        ({"data": MINI | {"flipp": 0.5}}, "/data/flipp", "Did you mean 'flip'?"),
        ({"space": {"data.pad-crop": [0, 2.5]}}, "/space/data.pad-crop/1", "integer from 0 to 64, got 2.5"),
        ({"space": {"data.stream": ["trial", "row"]}}, "/space/data.stream/1", "one of replicate, trial"),
        ({"data": MINI | {"resize": 8}}, "/model", "at least 28×28, got 8×8"),
    ],
)
def test_a_wrong_field_is_refused_at_its_place(
    sqlite_api: TestClient, spec: dict[str, Any], changes: dict[str, Any], pointer: str, words: str
) -> None:
    answer = sqlite_api.post("/v1/sweeps", json=spec | changes)
    assert answer.status_code == 422, answer.text
    told = {error["pointer"]: error["detail"] for error in answer.json()["errors"]}
    assert words in told[pointer]


def test_trials_with_streams_of_their_own_are_mixed_with_a_single_seed_too(
    sqlite_api: TestClient, sqlite_store: Store, spec: dict[str, Any]
) -> None:
    space = {"model.dropout": [0, 0.25, 0.5, 0.75], "data.stream": ["replicate", "trial"]}
    shared, own = plan_of(sqlite_api, sqlite_store, spec | {"space": space}).shapes
    assert (shared.mixed, own.mixed) == (False, True)
    assert shared.points == own.points == 4
    assert shared.width == own.width
