"""The client against a real server on loopback: what it returns, what it raises, how it watches."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import httpx2
import pytest
from sqlalchemy import update

from services.client import ApiError, Client
from services.client import client as module
from services.store import sweeps
from services.store.models import Trial
from services.store.session import Store


@pytest.fixture
def spec() -> dict[str, Any]:
    """Two trials."""
    return {
        "name": "small",
        "model": "lenet5",
        "data": "fashion-mnist-mini",
        "space": {"dropout": [0, 0.5]},
    }


def drawn(client: Client, identity: str) -> list[dict[str, Any]]:
    """The sweep's trials, which the API draws after it has answered."""
    end = time.monotonic() + 30
    while len(trials := list(client.trials(identity))) < 2:
        assert time.monotonic() < end
        time.sleep(0.01)
    return trials


def test_a_sweep_is_submitted_found_and_cancelled(client: Client, spec: dict[str, Any]) -> None:
    submitted = client.submit(spec)
    identity = submitted["id"]
    assert client.sweep(identity)["trials"]["total"] == 2
    assert [sweep["id"] for sweep in client.sweeps()] == [identity]
    trials = drawn(client, identity)
    assert [trial["number"] for trial in trials] == [0, 1]
    assert list(client.trials(identity, limit=1)) == trials[:1]
    assert list(client.trials(identity, point=1)) == trials[1:]
    assert client.trial(trials[1]["id"])["values"] == {"model.dropout": 0.5}
    assert client.cancel(identity)["state"] == "cancelling"


def test_effects_and_figures_of_a_sweep(
    client: Client, sqlite_store: Store, spec: dict[str, Any], tmp_path: Path
) -> None:
    spec["space"] = {"dropout": [0, 0.5], "train.l2": [0, 0.001]}
    identity = client.submit(spec)["id"]
    drawn(client, identity)
    ended = {"state": "succeeded", "best_value": 0.5, "epoch": 1, "pack_id": None}
    sqlite_store.write(lambda session: session.execute(update(Trial).values(ended)))
    assert client.effects(identity[:8])["points"] == 4
    path = tmp_path / "effects.svg"
    with path.open("wb") as file:
        client.sweep_figure(identity, "effects", file)
    assert path.read_text().startswith("<svg")
    with pytest.raises(ApiError, match="must name an axis that varies"), path.open("wb") as file:
        client.sweep_figure(identity, "heat-map", file, x="dropout", y="decay")


def test_what_a_spec_can_name_and_who_trains(client: Client) -> None:
    assert "lenet5" in client.catalog()["models"]
    assert client.workers() == {"workers": [], "devices": []}


def test_a_refused_spec_has_each_fault_with_its_place(client: Client, spec: dict[str, Any]) -> None:
    with pytest.raises(ApiError) as caught:
        client.submit(spec | {"modle": 1, "seed": -1})
    error = caught.value
    assert error.status == 422
    assert len(error.problem["errors"]) == 2
    lines = str(error).splitlines()
    assert lines[0].startswith("/seed: ")
    assert lines[1].startswith("/modle: no field 'modle' here. Did you mean 'model'?")
    assert list(client.sweeps()) == []


def test_what_json_has_no_form_for_is_refused_by_the_api(client: Client, spec: dict[str, Any]) -> None:
    with pytest.raises(ApiError, match=r"^/space/dropout/1: NaN is not a number"):
        client.submit(spec | {"space": {"dropout": [0, float("nan")]}})


@pytest.mark.parametrize("identity", ["x", "../sweeps", "a?limit=1", "%00", "ü/#"])
def test_an_unknown_id_is_an_error_that_names_it(client: Client, identity: str) -> None:
    with pytest.raises(ApiError) as caught:
        client.sweep(identity)
    assert caught.value.status == 404
    assert "no sweep" in str(caught.value) or "there is nothing at" in str(caught.value)


def test_a_wrong_key(running: Any) -> None:
    with Client(running.url, "wrong") as stranger, pytest.raises(ApiError, match="not the API key"):
        next(stranger.sweeps())


def test_watch_ends_with_the_sweep(client: Client, sqlite_store: Store, spec: dict[str, Any]) -> None:
    identity = client.submit(spec)["id"]
    views = client.watch(identity, every=0.01)
    assert next(views)["state"] == "active"
    client.cancel(identity)
    assert next(views)["state"] == "cancelling"
    sqlite_store.write(lambda session: sweeps.settle(session, identity))
    assert [view["state"] for view in views][-1] == "cancelled"


def test_watch_waits_for_an_api_that_comes_back(
    running: Any, client: Client, sqlite_store: Store, spec: dict[str, Any]
) -> None:
    identity = client.submit(spec)["id"]
    views = client.watch(identity, every=0.01)
    next(views)
    client.cancel(identity)
    sqlite_store.write(lambda session: sweeps.settle(session, identity))
    running.stop()
    back = threading.Timer(0.3, running.start)
    back.start()
    try:
        assert next(views)["state"] == "cancelled"
    finally:
        back.join()


def test_watch_gives_up_in_the_end(
    running: Any, client: Client, spec: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_OUTAGE_SECONDS", 0.05)
    views = client.watch(client.submit(spec)["id"], every=0.01)
    next(views)
    running.stop()
    with pytest.raises(httpx2.TransportError):
        next(views)


def test_wait_returns_a_sweep_at_its_end(client: Client, sqlite_store: Store, spec: dict[str, Any]) -> None:
    identity = client.submit(spec)["id"]
    client.cancel(identity)
    end = threading.Timer(0.3, lambda: sqlite_store.write(lambda session: sweeps.settle(session, identity)))
    end.start()
    try:
        assert client.wait(identity)["state"] == "cancelled"
    finally:
        end.join()
    assert client.wait(identity, 0.0)["state"] == "cancelled"


def test_wait_asks_again_where_a_request_is_held_for_a_shorter_time(
    client: Client, spec: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "HELD_SECONDS", 0.05)
    asked: list[float] = []
    request = client._api.request

    def counted(method: str, path: str, **how: Any) -> Any:
        asked.append(how["params"]["wait"])
        return request(method, path, **how)

    identity = client.submit(spec)["id"]
    monkeypatch.setattr(client._api, "request", counted)
    assert client.wait(identity, 0.2)["state"] == "active"
    assert (asked[0], len(asked) > 1) == (0.05, True)
    assert asked == sorted(asked, reverse=True)


def test_wait_lasts_beyond_an_api_that_comes_back_and_not_for_ever(
    running: Any, client: Client, spec: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "HELD_SECONDS", 0.05)
    monkeypatch.setattr(module, "RETRY_PAUSE", 0.01)
    identity = client.submit(spec)["id"]
    stop = threading.Timer(0.2, running.stop)
    stop.start()
    back = threading.Timer(0.6, running.start)
    back.start()
    try:
        assert client.wait(identity, 1.5)["state"] == "active"
    finally:
        stop.join()
        back.join()
    monkeypatch.setattr(module, "MAX_OUTAGE_SECONDS", 0.05)
    stop = threading.Timer(0.2, running.stop)
    stop.start()
    try:
        with pytest.raises(httpx2.TransportError):
            client.wait(identity)
    finally:
        stop.join()


def test_wait_for_nothing_fails_at_once(client: Client) -> None:
    with pytest.raises(ApiError, match="no sweep 'x'"):
        client.wait("x")


def test_watch_of_nothing_fails_at_once(client: Client) -> None:
    with pytest.raises(ApiError, match="no sweep 'x'"):
        next(client.watch("x"))


def test_another_server_at_the_address(key: str) -> None:
    class Stranger(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"<html>" if "catalog" in self.path else b"[]")

        def log_message(self, *_: Any) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Stranger) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            with Client(f"http://127.0.0.1:{server.server_port}", key) as lost:
                for ask in (lost.catalog, lost.workers):
                    with pytest.raises(ApiError, match="answered 200, but not as the cnnlab API would"):
                        ask()
        finally:
            server.shutdown()
            thread.join()


def test_the_client_is_light() -> None:
    heavy = ["torch", "mlflow", "sqlalchemy", "fastapi", "celery"]
    code = f"import sys, services.client; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
