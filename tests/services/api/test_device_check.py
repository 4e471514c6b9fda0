"""A precision that no live device has is refused at submit, at its place, with what it needs."""

from __future__ import annotations

from typing import Any

import pytest
from claimed_devices import claim_all
from fastapi.testclient import TestClient

from services.host import EVERYWHERE, HostDevice
from services.store.session import Store

SLOT = HostDevice("box", "cpu:0", "cpu", "slot 0")
GPU = HostDevice("box", "GPU-1", "cuda", "H200", 141 * 2**30, (*EVERYWHERE, "tf32", "bfloat16"))
OLD = HostDevice("box", "GPU-2", "cuda", "V100", 32 * 2**30)
WORDS = (
    "must be one of float32, float64 on the devices that are alive, got 'bfloat16', which needs an NVIDIA "
    "GPU of compute capability 8.0 or higher, or a processor with AVX512-BF16 or AMX; on others it is "
    "slower than float32"
)


@pytest.mark.parametrize(
    ("fields", "place"),
    [
        ({"train": {"precision": "bfloat16"}}, "/train/precision"),
        ({"space": {"precision": ["float32", "bfloat16"]}}, "/space/precision/1"),
    ],
)
@pytest.mark.parametrize("params", [{}, {"dry_run": "true"}])
def test_bfloat16_is_refused_where_no_live_device_has_it(
    sqlite_api: TestClient,
    sqlite_store: Store,
    spec: dict[str, Any],
    fields: dict[str, Any],
    place: str,
    params: dict[str, str],
) -> None:
    claim_all(sqlite_store, SLOT)
    answer = sqlite_api.post("/v1/sweeps", json=spec | fields, params=params)
    assert answer.status_code == 422
    assert answer.json()["errors"] == [{"pointer": place, "detail": WORDS}]


def test_tf32_names_what_it_needs(sqlite_api: TestClient, sqlite_store: Store, spec: dict[str, Any]) -> None:
    claim_all(sqlite_store, SLOT)
    answer = sqlite_api.post("/v1/sweeps", json=spec | {"train": {"precision": "tf32"}})
    assert answer.json()["detail"].endswith(
        "'tf32', which needs an NVIDIA GPU of compute capability 8.0 or higher"
    )


@pytest.mark.long
def test_it_is_taken_where_a_live_device_has_it_or_none_is_alive(
    sqlite_api: TestClient, sqlite_store: Store, spec: dict[str, Any]
) -> None:
    body = spec | {"train": {"precision": "bfloat16"}}
    assert sqlite_api.post("/v1/sweeps", json=body).status_code == 201
    claim_all(sqlite_store, SLOT, GPU, OLD)  # one of its kind that lacks it changes nothing
    assert sqlite_api.post("/v1/sweeps", json=body).status_code == 201
