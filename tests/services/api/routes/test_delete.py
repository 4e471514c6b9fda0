"""DELETE of a sweep: what goes, from when on it is shown nowhere, and what is refused."""

from __future__ import annotations

from typing import Any

from fastapi.testclient import TestClient

from services.settings import Settings
from services.store import sweeps
from services.store.session import Store
from services.upkeep.delete import Delete

KEY = {"Idempotency-Key": "once"}


def over(api: TestClient, store: Store, spec: dict[str, Any], **headers: str) -> str:
    """A sweep that was cancelled before anything was trained."""
    sweep_id = str(api.post("/v1/sweeps", json=spec, headers=headers).json()["id"])
    api.post(f"/v1/sweeps/{sweep_id}/cancel")
    store.write(lambda session: sweeps.settle(session, sweep_id))
    return sweep_id


def test_a_dry_run_counts_and_deletes_nothing(
    api: TestClient, store: Store, settings: Settings, spec: dict[str, Any]
) -> None:
    sweep_id = over(api, store, spec)
    packs = api.get(f"/v1/trials/{sweep_id}-0000").json()["attempts"]
    folder = settings.files / "packs" / packs[0]["pack"]
    folder.mkdir(parents=True)
    (folder / "log.txt").write_text("words")
    answer = api.delete(f"/v1/sweeps/{sweep_id}", params={"dry_run": True})
    assert (answer.status_code, answer.json()) == (
        200,
        {
            "id": sweep_id,
            "name": "small",
            "deleting": False,
            "trials": 4,
            "epochs": 0,
            "packs": 1,
            "files": 1,
            "bytes": 5,
            "mlflow_runs": 0,
        },
    )
    assert api.get(f"/v1/sweeps/{sweep_id}").json()["state"] == "cancelled"


def test_a_deleted_sweep_is_shown_nowhere(
    api: TestClient, store: Store, settings: Settings, spec: dict[str, Any]
) -> None:
    sweep_id = over(api, store, spec)
    answer = api.delete(f"/v1/sweeps/{sweep_id}")
    assert (answer.status_code, answer.json()["deleting"]) == (202, True)
    routes = [
        *("", "/trials", "/leaderboard", "/best", "/effects", "/export/trials", "/export/curves", "/events"),
        "/figures/history.svg",
    ]
    chore = Delete(store, settings)
    for words in (f"sweep '{sweep_id}' is being deleted", f"no sweep '{sweep_id}'"):
        for route in routes:
            shown = api.get(f"/v1/sweeps/{sweep_id}{route}")
            assert (shown.status_code, words in shown.json()["detail"]) == (404, True), route
        assert api.get(f"/v1/trials/{sweep_id}-0000").status_code == 404
        for request in (
            api.patch(f"/v1/sweeps/{sweep_id}", json={"name": "a"}),
            api.delete(f"/v1/sweeps/{sweep_id}"),
            api.post(f"/v1/sweeps/{sweep_id}/extend", json={"seeds": 2}),
            api.post(f"/v1/trials/{sweep_id}-0000/fork", json={"set": {}}),
            api.post(f"/v1/trials/{sweep_id}-0000/retry"),
        ):
            assert request.status_code == 404
        assert api.get("/v1/sweeps", params={"state": ["deleting", "cancelled"]}).json()["sweeps"] == []
        chore.round()


def test_a_sweep_that_goes_on_is_refused_with_what_to_do(
    sqlite_api: TestClient, spec: dict[str, Any]
) -> None:
    sweep_id = sqlite_api.post("/v1/sweeps", json=spec).json()["id"]
    for dry_run in (True, False):
        answer = sqlite_api.delete(f"/v1/sweeps/{sweep_id}", params={"dry_run": dry_run})
        assert answer.status_code == 409
        assert answer.json()["detail"] == (
            f"sweep {sweep_id} is active; only a sweep that is succeeded, partial, failed or cancelled "
            "can be deleted: cancel it first, or wait"
        )
    assert sqlite_api.delete("/v1/sweeps/none").status_code == 404
    assert sqlite_api.delete(f"/v1/sweeps/{sweep_id}", params={"dry_run": "perhaps"}).status_code == 422


def test_a_key_does_not_bring_its_sweep_back(
    api: TestClient, store: Store, settings: Settings, spec: dict[str, Any]
) -> None:
    sweep_id = over(api, store, spec, **KEY)
    api.delete(f"/v1/sweeps/{sweep_id}")
    for _ in range(2):
        again = api.post("/v1/sweeps", json=spec, headers=KEY)
        assert again.status_code == 409
        assert again.json()["detail"].endswith("was deleted; send a new key to make another")
        Delete(store, settings).round()
    other = api.post("/v1/sweeps", json=spec | {"name": "other"}, headers=KEY)
    assert other.status_code == 422
    assert "made a sweep, which was deleted, from another body" in other.json()["detail"]
    assert api.post("/v1/sweeps", json=spec, headers={"Idempotency-Key": "twice"}).status_code == 201


def test_a_search_cannot_begin_with_a_deleted_sweep(
    api: TestClient, store: Store, spec: dict[str, Any]
) -> None:
    sweep_id = over(api, store, spec)
    api.delete(f"/v1/sweeps/{sweep_id}")
    warm = spec | {"search": "tpe", "max_trials": 4, "warm_start": [sweep_id]}
    answer = api.post("/v1/sweeps", json=warm)
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/warm_start/0")
    assert "is being deleted" in answer.json()["detail"]
