"""Events over HTTP: from the beginning or from where the client was, to the end or until the API goes."""

from __future__ import annotations

import json
import signal
import sys
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

import httpx2
import pytest
from fastapi.testclient import TestClient
from paper_sweep import fill, write_sweep
from pydantic import SecretStr
from servers.process import Folder, Server
from worker_process import environment, wait_for

from services.settings import Settings
from services.stack import ports
from services.store import sweep_verbs, sweeps
from services.store.session import Store

KEY = "a key of twenty chars"


class Heard(NamedTuple):
    id: str
    kind: str
    data: dict[str, Any]


def parse(lines: Iterator[str]) -> Iterator[Heard]:
    """The events of a stream."""
    fields: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(": ")
        if line == "" and "data" in fields:
            yield Heard(fields["id"], fields["event"], json.loads(fields["data"]))
            fields = {}
        elif line and name:
            fields[name] = value


def over(store: Store) -> str:
    """A sweep that was cancelled and is over."""
    sweep_id = write_sweep(store)
    fill(store, sweep_id)
    store.write(lambda session: sweep_verbs.cancel(session, sweep_id))
    store.write(lambda session: sweeps.settle(session, sweep_id))
    return sweep_id


def read(api: TestClient, path: str, **more: Any) -> list[Heard]:
    answer = api.get(path, **more)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/event-stream")
    return list(parse(iter(answer.text.splitlines())))


def test_the_stream_of_a_sweep_that_is_over_ends_by_itself(api: TestClient, store: Store) -> None:
    sweep_id = over(store)
    write_sweep(store)  # another's events are not among them
    heard = read(api, f"/v1/sweeps/{sweep_id}/events")
    assert {event.data["sweep"] for event in heard} == {sweep_id}
    assert (heard[0].kind, heard[0].data["state"]) == ("sweep", "active")
    assert heard[0].data["at"].endswith("Z")
    assert [event.data["state"] for event in heard if event.kind == "sweep"] == [
        "active",
        "cancelling",
        "cancelled",
    ]
    assert heard[-1] == Heard(heard[-2].id, "end", {"sweep": sweep_id, "state": "cancelled"})


def test_a_client_goes_on_behind_what_it_has(api: TestClient, store: Store) -> None:
    path = f"/v1/sweeps/{over(store)}/events"
    heard = read(api, path)
    third = heard[2].id
    assert read(api, path, headers={"Last-Event-ID": third}) == heard[3:]
    assert read(api, path, params={"after": third}) == heard[3:]
    assert read(api, path, params={"after": heard[4].id}, headers={"Last-Event-ID": third}) == heard[3:]
    assert read(api, path, headers={"Last-Event-ID": heard[-1].id}) == heard[-1:]
    assert read(api, path, headers={"Last-Event-ID": "0-0"}) == heard


@pytest.mark.parametrize("path", ["/v1/events", "/v1/sweeps/{}/events"])
def test_an_id_that_is_none_is_422(sqlite_api: TestClient, sqlite_store: Store, path: str) -> None:
    path = path.format(write_sweep(sqlite_store))
    for more in ({"headers": {"Last-Event-ID": "yesterday"}}, {"params": {"after": "1-"}}):
        answer = sqlite_api.get(path, **more)
        assert answer.status_code == 422
        assert "must be the id of an event" in answer.json()["detail"]


def test_an_unknown_sweep_is_404(sqlite_api: TestClient) -> None:
    assert sqlite_api.get("/v1/sweeps/nobody/events").status_code == 404


@pytest.fixture
def served(settings: Settings) -> Iterator[tuple[Server, httpx2.Client]]:
    """The API as a process of its own, as `cnnlab up` starts it, and a client."""
    port = ports.free()
    command = [sys.executable, "-m", "uvicorn", "--factory", "services.api.app:from_environment"]
    command += ["--host", "127.0.0.1", "--port", str(port)]
    env = environment(settings.model_copy(update={"api_key": SecretStr(KEY)}))
    server = Server(command, Folder("api"), env=env)
    headers = {"Authorization": f"Bearer {KEY}"}
    with httpx2.Client(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=20) as client:

        def up() -> bool:
            try:
                return client.get("/health").status_code == 200
            except httpx2.TransportError:
                return False

        try:
            wait_for(up, what="the API")
            yield server, client
        finally:
            server.stop()


def test_a_live_stream_hears_at_once_and_ends_when_the_api_stops(
    served: tuple[Server, httpx2.Client], store: Store
) -> None:
    server, client = served
    write_sweep(store)  # before the stream began: not heard
    with client.stream("GET", "/v1/events") as all_of_them:
        lines = all_of_them.iter_lines()
        assert next(lines).startswith(": events follow")
        sweep_id = write_sweep(store)
        began = time.monotonic()
        events = parse(lines)
        assert next(events).data | {"at": ""} == {"sweep": sweep_id, "at": "", "state": "active"}
        assert time.monotonic() - began < 5
        with client.stream("GET", f"/v1/sweeps/{sweep_id}/events") as one:
            server.process.send_signal(signal.SIGTERM)
            began = time.monotonic()
            rest = list(parse(one.iter_lines()))  # a clean end: no broken chunk
            assert [event.kind for event in rest] in ([], ["sweep"])
            assert list(events) == []
    assert server.process.wait(timeout=10) in (0, -signal.SIGTERM)  # uvicorn ends by the signal it was sent
    assert time.monotonic() - began < 6


def test_clients_that_went_away_are_not_served_on(served: tuple[Server, httpx2.Client], store: Store) -> None:
    """Twenty watchers come and go; the database's connections are free for others."""
    _, client = served
    for _ in range(20):
        with client.stream("GET", "/v1/events") as stream:
            next(stream.iter_lines())
    assert client.get("/v1/sweeps").status_code == 200
