"""Conversations with the real API: answers that get lost, pages, events to the end, exports, verbs."""

from __future__ import annotations

import csv
import io
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from itertools import pairwise
from typing import Any

import httpx2
import psycopg
import pytest
from paper_sweep import report, take
from servers.process import free_port
from sqlalchemy.exc import OperationalError

from services.api import plannings, submission
from services.client import AnswerLost, ApiError, Client
from services.client import client as module
from services.store import packs, sweeps
from services.store.session import Store

SPEC: dict[str, Any] = {
    "name": "conversation",
    "model": {"name": "mlp", "hidden": [4]},
    "data": "fashion-mnist-mini",
    "space": {"dropout": [0, 0.1, 0.2, 0.3, 0.4]},
}


class Lossy:
    """A way to the API on which the first `losses` answers get lost, after their requests have arrived."""

    def __init__(self, url: str, losses: int) -> None:
        self._port, self.losses, self.passed = int(url.rsplit(":", 1)[1]), losses, 0
        self._door = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._door.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def stop(self) -> None:
        """Let nobody through any more."""
        with suppress(OSError):
            self._door.shutdown(socket.SHUT_RDWR)
        self._door.close()
        self._thread.join()

    def _serve(self) -> None:
        while True:
            try:
                guest, _ = self._door.accept()
            except OSError:
                return
            with closing(guest), closing(socket.create_connection(("127.0.0.1", self._port))) as api:
                request = b""
                while b"\r\n\r\n" not in request or len(request.partition(b"\r\n\r\n")[2]) < _length(request):
                    request += guest.recv(65536)
                api.sendall(request.replace(b"\r\n", b"\r\nConnection: close\r\n", 1))
                answer = b"".join(iter(lambda: api.recv(65536), b""))
                self.passed += 1
                if self.passed > self.losses:
                    guest.sendall(answer)


def _length(request: bytes) -> int:
    head = request.partition(b"\r\n\r\n")[0].lower()
    return int(head.partition(b"content-length:")[2].split(b"\r\n")[0])


@pytest.fixture
def lossy(running: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setattr(module, "RESUBMIT_PAUSES", (0.01, 0.01))
    ways: list[Lossy] = []

    def make(losses: int) -> Lossy:
        ways.append(Lossy(running.url, losses))
        return ways[-1]

    yield make
    for way in ways:
        way.stop()


def drawn(client: Client) -> str:
    """A sweep whose trials are drawn, which the API does after it has answered."""
    identity: str = client.submit(SPEC)["id"]
    end = time.monotonic() + 30
    while len(list(client.trials(identity))) < 5:
        assert time.monotonic() < end
        time.sleep(0.01)
    return identity


def test_a_submission_whose_answer_is_lost_is_not_doubled(lossy: Any, client: Client, key: str) -> None:
    way, said = lossy(2), list[str]()
    with Client(way.url, key) as unlucky:
        submitted = unlucky.submit(SPEC, on_wait=said.append)
    assert way.passed == 3
    assert len(said) == 2
    assert all(sentence.endswith("asking again, which makes no second sweep.") for sentence in said)
    assert [sweep["id"] for sweep in client.sweeps()] == [submitted["id"]]


def test_it_gives_up_after_its_last_pause(lossy: Any, client: Client, key: str) -> None:
    way = lossy(99)
    with Client(way.url, key) as unlucky, pytest.raises(AnswerLost) as caught:
        unlucky.submit(SPEC)
    assert way.passed == 3
    [submitted] = client.sweeps()
    assert "may have been submitted or not" in str(caught.value)
    # What it advises adds no second sweep.
    assert client.submit(SPEC, caught.value.key)["id"] == submitted["id"]
    assert len(list(client.sweeps())) == 1
    with Client(way.url, key) as unlucky, pytest.raises(httpx2.TransportError):
        unlucky.submit(SPEC, dry_run=True)  # which leaves nothing open


@pytest.mark.parametrize("losses", [2, 99])
def test_a_database_that_goes_away_at_the_commit_leaves_one_sweep(
    client: Client, monkeypatch: pytest.MonkeyPatch, losses: int
) -> None:
    monkeypatch.setattr(module, "RESUBMIT_PAUSES", (0.01, 0.01))
    find, asked = submission.find_by_key, []

    def away(*given: Any) -> str | None:
        found = find(*given)
        asked.append(found)
        if 1 < len(asked) <= losses:  # the first submit has been committed
            raise OperationalError(
                "COMMIT", {}, psycopg.OperationalError("gone"), connection_invalidated=True
            )
        return found

    monkeypatch.setattr(submission, "find_by_key", away)
    first = client.submit(SPEC, "mine")
    if losses == 2:
        assert client.submit(SPEC, "mine")["id"] == first["id"]
    else:
        with pytest.raises(AnswerLost, match="idempotency key mine, which makes no second one"):
            client.submit(SPEC, "mine")
    assert [sweep["id"] for sweep in client.sweeps()] == [first["id"]]


def test_a_plan_that_takes_long_is_waited_for(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plannings, "MAX_ANSWER_SECONDS", 0.05)
    monkeypatch.setattr(module, "PLANNING_PAUSE", 0.01)
    ready, plan = threading.Event(), submission.planned
    planned: list[str] = []

    def slow(spec: Any, services: Any) -> Any:
        planned.append(spec.name)
        assert ready.wait(10)
        return plan(spec, services)

    monkeypatch.setattr(submission, "planned", slow)
    said: list[str] = []

    def on_wait(sentence: str) -> None:
        said.append(sentence)
        if len(said) == 3:
            ready.set()

    submitted = client.submit(SPEC, on_wait=on_wait)
    assert planned == ["conversation"]
    assert [sweep["id"] for sweep in client.sweeps()] == [submitted["id"]]
    assert said[0] == "The API has been planning this sweep for 0 s; waiting for it."


def test_a_repetition_whose_answer_is_lost_is_not_doubled(
    lossy: Any, client: Client, sqlite_store: Store, key: str
) -> None:
    identity = drawn(client)
    *_, pack = sqlite_store.read(packs.queued)
    held = take(sqlite_store, pack)
    trial = next(client.trials(identity, state=["running"]))["id"]
    report(sqlite_store, held, 1, [trial])
    way = lossy(2)
    with Client(way.url, key) as unlucky:
        repetition = unlucky.reproduce(trial)
    assert way.passed == 3
    assert [sweep["id"] for sweep in client.sweeps()] == [repetition["id"], identity]


def test_without_an_api_a_submit_fails_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RESUBMIT_PAUSES", (60.0,))
    with Client(f"http://127.0.0.1:{free_port()}", "key") as lost, pytest.raises(httpx2.ConnectError):
        lost.submit(SPEC)


def test_a_key_of_ones_own_gives_the_same_sweep_and_no_other_spec(client: Client) -> None:
    first = client.submit(SPEC, "mine")
    assert client.submit(SPEC, "mine")["id"] == first["id"]
    assert client.submit(SPEC)["id"] != first["id"]
    with pytest.raises(ApiError) as refused:
        client.submit(SPEC | {"name": "other"}, "mine")
    assert refused.value.status == 422


def test_a_dry_run_stores_nothing(client: Client) -> None:
    assert client.submit(SPEC, dry_run=True)["points"] == 5
    assert list(client.sweeps()) == []


def test_lists_are_read_page_by_page(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = [client.submit(SPEC | {"name": f"n{n}", "project": "p" if n % 2 else "q"})["id"] for n in range(5)]
    asked: list[dict[str, Any]] = []
    ask = client._api.request

    def counted(method: str, path: str, **how: Any) -> Any:
        asked.append(how)
        return ask(method, path, **how)

    monkeypatch.setattr(client._api, "request", counted)
    paged = list(client._api.items("/sweeps", "sweeps", {}, page=2))
    assert [sweep["id"] for sweep in paged] == ids[::-1]
    assert len(asked) == 3
    assert [s["name"] for s in client.sweeps(project="p")] == ["n3", "n1"]
    assert [s["name"] for s in client.sweeps(name="N4")] == ["n4"]
    assert [s["name"] for s in client.sweeps(state=["active", "paused"], limit=2)] == ["n4", "n3"]
    assert list(client.sweeps(state=["paused"])) == []


def test_a_leaderboard_of_several_pages(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    identity = drawn(client)
    monkeypatch.setattr(module, "PAGE_ITEMS", 2)
    for limit, count in [(None, 5), (1, 1), (2, 2), (3, 3)]:
        board = client.leaderboard(identity, limit)
        assert len(board["points"]) == len({point["point"] for point in board["points"]}) == count
        assert "comparison" in board


def test_events_lead_to_the_end(client: Client, sqlite_store: Store) -> None:
    identity = client.submit(SPEC)["id"]
    told = []
    for event in client.events(identity):
        told.append(event)
        if len(told) == 1:
            client.cancel(identity)
            sqlite_store.write(lambda session: sweeps.settle(session, identity))
    assert (told[0].kind, told[0].data["state"]) == ("sweep", "active")
    assert (told[-1].kind, told[-1].data["state"]) == ("end", "cancelled")
    places = [tuple(map(int, event.id.split("-"))) for event in told[:-1]]
    assert all(before < after for before, after in pairwise(places))
    rest = list(client.events(identity, after=told[1].id))
    assert [event.id for event in rest[:-1]] == [event.id for event in told[2:-1]]


def test_tables_before_the_first_epoch_have_their_columns(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    identity = drawn(client)
    curves = client.curves(identity)
    assert curves.shape[0] == 0
    assert list(curves.columns[:6]) == ["trial", "number", "point", "replicate", "epoch", "at"]
    assert {"train/loss", "val/acc"} <= {*curves.columns}
    assert curves.pivot(index="epoch", columns="number", values="val/acc").shape == (0, 0)

    trials = client.frame(identity)
    assert len(trials) == 5
    monkeypatch.setattr(json, "loads", lambda _: [])
    assert list(client.frame(identity).columns) == list(trials.columns)


def test_verbs_and_exports(client: Client) -> None:
    identity = drawn(client)
    for verb, state in [
        ("pause", "paused"),
        ("resume", "active"),
        ("stop", "stopping"),
        ("cancel", "cancelling"),
    ]:
        assert getattr(client, verb)(identity)["state"] == state
    trial = next(client.trials(identity, state=["cancelled"]))["id"]
    with pytest.raises(ApiError, match="wait until it is over"):
        client.retry_trial(trial)
    with pytest.raises(ApiError, match="no epoch"):
        client.reproduce(trial)
    assert client.cancel_trial(trial)["state"] == "cancelled"
    table, document = io.BytesIO(), io.BytesIO()
    client.export(identity, "trials", "csv", table)
    client.export(identity, "trials", "json", document)
    rows = list(csv.DictReader(io.StringIO(table.getvalue().decode())))
    assert [row["number"] for row in rows] == [str(row["number"]) for row in json.loads(document.getvalue())]
    with pytest.raises(ApiError, match="no sweep"):
        client.export("x", "curves", "csv", table)
    assert client.entry("optimizers", "adam")["name"] == "adam"
