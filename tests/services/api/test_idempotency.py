"""A submit that is sent twice with one key makes one sweep."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import func, select, update

from services.settings import Settings
from services.store.models import Sweep
from services.store.session import Store
from services.store.submit_keys import SubmitKey
from services.upkeep.prune import Prune


def key(text: str) -> dict[str, str]:
    return {"Idempotency-Key": text}


def sweeps_in(store: Store) -> int:
    return store.read(lambda session: session.execute(select(func.count(Sweep.id))).scalar_one())


def test_the_same_key_and_body_answer_with_the_first_sweep(
    api: TestClient, store: Store, spec: dict[str, Any]
) -> None:
    first = api.post("/v1/sweeps", json=spec, headers=key("a"))
    # The same document, in another order and with other white space.
    other = json.dumps(dict(reversed(spec.items())), indent=3)
    second = api.post("/v1/sweeps", content=other, headers=key("a") | {"Content-Type": "application/json"})
    assert (first.status_code, second.status_code) == (201, 201)
    assert second.json()["id"] == first.json()["id"]
    assert second.headers["Location"] == first.headers["Location"]
    assert api.post("/v1/sweeps", json=spec, headers=key("b")).json()["id"] != first.json()["id"]
    assert sweeps_in(store) == 2


def test_another_body_is_refused_with_a_reason(
    sqlite_api: TestClient, sqlite_store: Store, spec: Any
) -> None:
    first = sqlite_api.post("/v1/sweeps", json=spec, headers=key("a")).json()["id"]
    answer = sqlite_api.post("/v1/sweeps", json=spec | {"seed": 1}, headers=key("a"))
    assert answer.status_code == 422
    assert f"'a' made sweep {first} from another body" in answer.json()["detail"]
    assert sweeps_in(sqlite_store) == 1


def test_a_refused_spec_and_a_dry_run_leave_the_key_free(
    sqlite_api: TestClient, sqlite_store: Store, spec: Any
) -> None:
    assert sqlite_api.post("/v1/sweeps", json=spec | {"x": 1}, headers=key("a")).status_code == 422
    assert sqlite_api.post("/v1/sweeps?dry_run=true", json=spec, headers=key("a")).status_code == 200
    assert sqlite_api.post("/v1/sweeps", json=spec | {"seed": 3}, headers=key("a")).status_code == 201
    assert sweeps_in(sqlite_store) == 1


def test_twenty_at_once_make_one_sweep(api: TestClient, store: Store, spec: dict[str, Any]) -> None:
    api.post("/v1/sweeps?dry_run=true", json=spec)  # loads the library, so that the twenty do meet
    together, answers = threading.Barrier(20), []

    def submit() -> None:
        together.wait()
        answers.append(api.post("/v1/sweeps", json=spec, headers=key("twenty")))

    threads = [threading.Thread(target=submit) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [answer.status_code for answer in answers] == [201] * 20
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert sweeps_in(store) == 1


@pytest.mark.parametrize("text", ["", " " * 201, "tab\there", "\xfc"])
def test_a_key_that_is_none_is_refused(sqlite_api: TestClient, spec: dict[str, Any], text: str) -> None:
    headers = {"Idempotency-Key": text.encode("latin-1")}
    answer = sqlite_api.post("/v1/sweeps", json=spec, headers=headers)
    assert answer.status_code == 422, answer.text
    assert "1 to 200 printable ASCII characters" in answer.json()["detail"]


def test_keys_are_forgotten_after_a_day(
    sqlite_api: TestClient, sqlite_store: Store, sqlite_settings: Settings, spec: dict[str, Any]
) -> None:
    for text in ("old", "new"):
        sqlite_api.post("/v1/sweeps", json=spec, headers=key(text))
    day = 24 * 3600 * 1000
    old = update(SubmitKey).where(SubmitKey.key == "old").values(created_at=SubmitKey.created_at - day - 1)
    new = update(SubmitKey).where(SubmitKey.key == "new").values(created_at=SubmitKey.created_at - day + 9999)
    sqlite_store.write(lambda session: (session.execute(old), session.execute(new)))
    Prune(sqlite_store, sqlite_settings).round()
    kept = sqlite_store.read(lambda session: session.scalars(select(SubmitKey.key)).all())
    assert kept == ["new"]
