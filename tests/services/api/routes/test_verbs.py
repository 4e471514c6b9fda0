"""Verbs over HTTP: 202 with the new state, 409 with the legal ones, 404 for nobody."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi.testclient import TestClient

from services.domain.states import TrialState
from services.store import endings, leases
from services.store.leases import Lease
from services.store.models import Trial
from services.store.session import Store


def post(api: TestClient, path: str) -> dict[str, Any]:
    answer = api.post(f"/v1/{path}")
    assert answer.status_code == 202, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_a_sweep_is_paused_resumed_stopped_and_cancelled(api: TestClient, spec: dict[str, Any]) -> None:
    sweep_id = api.post("/v1/sweeps", json=spec).json()["id"]
    paused = post(api, f"sweeps/{sweep_id}/pause")
    assert (paused["state"], paused["trials"]["pending"], paused["trials"]["queued"]) == ("paused", 4, 0)
    assert post(api, f"sweeps/{sweep_id}/pause") == paused
    assert post(api, f"sweeps/{sweep_id}/resume")["state"] == "active"
    # The background task has dispatched it again.
    assert api.get(f"/v1/sweeps/{sweep_id}").json()["trials"]["queued"] == 4
    stopped = post(api, f"sweeps/{sweep_id}/stop")
    assert (stopped["state"], stopped["trials"]["cancelled"]) == ("stopping", 4)
    answer = api.post(f"/v1/sweeps/{sweep_id}/resume")
    assert answer.status_code == 409
    assert answer.json()["detail"] == f"sweep {sweep_id} is stopping; only a paused sweep can be resumed"
    assert post(api, f"sweeps/{sweep_id}/cancel")["state"] == "cancelling"


def test_a_failed_trial_is_retried(api: TestClient, store: Store, spec: dict[str, Any]) -> None:
    sweep_id = api.post("/v1/sweeps", json=spec).json()["id"]
    trials = api.get(f"/v1/sweeps/{sweep_id}/trials").json()["trials"]
    first, *others = [trial["id"] for trial in trials]
    held = Lease.new(str(store.read(lambda s: s.get_one(Trial, first)).pack_id))
    store.write(lambda session: leases.take(session, held, "w", "d", 60))
    error = {"kind": "diverged", "message": "nan"}
    store.write(lambda s: endings.end_trial(s, held, first, TrialState.FAILED, failure=error))
    view = post(api, f"trials/{first}/retry")
    assert (view["id"], view["state"], view["failure"]) == (first, "pending", None)
    assert api.get(f"/v1/trials/{first}").json()["state"] == "queued"  # dispatched by the background task
    cancelled = post(api, f"trials/{first}/cancel")
    assert (cancelled["state"], post(api, f"trials/{first}/cancel")["state"]) == ("cancelled", "cancelled")
    assert post(api, f"trials/{others[0]}/cancel")["state"] == "running"  # until its epoch's end
    answer = api.post(f"/v1/trials/{others[0]}/retry")
    assert answer.status_code == 409
    assert "about to be cancelled" in answer.json()["detail"]
    assert post(api, f"sweeps/{sweep_id}/retry")["state"] == "active"
    assert api.get(f"/v1/trials/{first}").json()["state"] == "queued"


@pytest.mark.parametrize(
    "path",
    [f"sweeps/x/{verb}" for verb in ("pause", "resume", "stop", "cancel", "retry")]
    + ["trials/x/cancel", "trials/x/retry"],
)
def test_nobody_has_that_name(sqlite_api: TestClient, path: str) -> None:
    answer = sqlite_api.post(f"/v1/{path}")
    assert answer.status_code == 404
    assert answer.json()["detail"].startswith("no ")


def test_a_priority_is_given_and_refused(sqlite_api: TestClient, spec: dict[str, Any]) -> None:
    api = sqlite_api
    sweep = api.post("/v1/sweeps", json=spec | {"priority": -3}).json()
    assert sweep["priority"] == -3
    address = f"/v1/sweeps/{sweep['id']}/priority"
    assert api.post(address, json={"priority": 7}).json()["priority"] == 7
    assert api.get(f"/v1/sweeps/{sweep['id']}").json()["priority"] == 7
    for wrong in (11, -11, 1.5, "high", None):
        answer = api.post(address, json={"priority": wrong})
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/priority")
    post(api, f"sweeps/{sweep['id']}/cancel")
    assert api.post(address, json={"priority": 1}).status_code == 202  # it has not ended yet
    answer = api.post("/v1/sweeps", json=spec | {"priority": 11})
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/priority")
