"""Plannings: once for each key, few at once, away from the event loop, and nobody waits for one for long."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Coroutine
from typing import Any

import pytest
from fastapi.testclient import TestClient

from services.api import plannings as module
from services.api import submission
from services.api.plannings import MAX_PLANNINGS_AT_ONCE, Plannings, StillPlanning
from services.api.shutdown import Shutdown
from services.domain.errors import NotFound, ParameterError
from services.store import sweeps
from services.store.session import Store


class Work:
    """Work that ends when it is told to."""

    def __init__(self, failure: Exception | None = None) -> None:
        self.begun, self.may_end, self.failure = 0, threading.Event(), failure

    def __call__(self) -> int:
        self.begun += 1
        assert self.may_end.wait(10)
        if self.failure is not None:
            raise self.failure
        return self.begun


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_ANSWER_SECONDS", 0.05)


def play(scene: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(scene, 10))


def plannings() -> Plannings:
    return Plannings(Shutdown())


def test_one_key_is_planned_once_and_all_who_send_it_wait_for_that(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_ANSWER_SECONDS", 10.0)

    async def scene() -> None:
        under_way, work = plannings(), Work()
        both = [asyncio.create_task(under_way.run("submit", "k", "body", work)) for _ in range(2)]
        while not work.begun:
            await asyncio.sleep(0.01)  # the loop is free meanwhile
        work.may_end.set()
        assert await asyncio.gather(*both) == [1, 1]
        assert await under_way.run("submit", "k", "body", work) == 2  # the key's sweep is found in SQL by now

    play(scene())


def test_who_waited_long_enough_is_sent_away_and_may_ask_again() -> None:
    async def scene() -> None:
        under_way, work = plannings(), Work()
        for _ in range(2):
            with pytest.raises(StillPlanning) as caught:
                await under_way.run("submit", "k", "body", work)
        assert caught.value.seconds >= 0.1
        work.may_end.set()
        assert await under_way.run("submit", "k", "body", work) == 1

    play(scene())


def test_a_key_belongs_to_one_body_while_that_is_planned() -> None:
    async def scene() -> None:
        under_way, work, other = plannings(), Work(), Work()
        with pytest.raises(StillPlanning):
            await under_way.run("submit", "k", "body", work)
        with pytest.raises(ParameterError, match="'k' belongs to another body"):
            await under_way.run("submit", "k", "other", other)
        assert other.begun == 0
        work.may_end.set()
        other.may_end.set()
        assert await under_way.run("submit", "k", "body", work) == 1
        assert await under_way.run("dry run", "k", "other", other) == 1
        assert await under_way.run("submit", "k", "other", other) == 2

    play(scene())


def test_the_outcome_is_kept_for_the_client_that_was_sent_away() -> None:
    async def scene() -> None:
        under_way, refused, made = plannings(), Work(NotFound("no such data")), Work()
        for key, work in (("r", refused), ("m", made)):
            with pytest.raises(StillPlanning):
                await under_way.run("dry run", key, "body", work)
            work.may_end.set()
        for _ in range(2):
            await asyncio.sleep(0.02)
            with pytest.raises(NotFound):
                await under_way.run("dry run", "r", "body", refused)
            assert await under_way.run("dry run", "m", "body", made) == 1
        assert (refused.begun, made.begun) == (1, 1)
        # Another body may have the key by now, and leaves nothing of the first one.
        assert await under_way.run("dry run", "m", "other", made) == 2

    play(scene())


def test_one_is_planned_after_another_and_beside_one_that_takes_long(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scene(wait: float, begun: list[int]) -> None:
        monkeypatch.setattr(module, "MAX_TURN_WAIT_SECONDS", wait)
        under_way, works = plannings(), [Work() for _ in range(3)]
        asked = [asyncio.create_task(under_way.run("submit", None, "", work)) for work in works]
        await asyncio.sleep(0.1)
        assert [work.begun for work in works] == begun
        for work in works:
            work.may_end.set()
        assert await asyncio.gather(*asked) == [1, 1, 1]
        assert await under_way.run("submit", None, "", works[0]) == 2

    play(scene(5.0, [1, 0, 0]))
    play(scene(0.02, [1, 1, 0]))


def test_few_are_planned_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_TURN_WAIT_SECONDS", 0.01)

    async def scene() -> None:
        under_way, works = plannings(), [Work() for _ in range(MAX_PLANNINGS_AT_ONCE + 2)]
        asked = [asyncio.create_task(under_way.run("submit", None, "", work)) for work in works]
        await asyncio.sleep(0.05)
        assert sum(work.begun for work in works) == MAX_PLANNINGS_AT_ONCE
        for work in works:
            work.may_end.set()
        assert await asyncio.gather(*asked) == [1] * len(works)

    play(scene())


def test_a_process_that_is_to_stop_lets_nobody_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_ANSWER_SECONDS", 60.0)
    monkeypatch.setattr(module, "SHUTDOWN_POLL_SECONDS", 0.01)

    async def scene() -> None:
        shutdown, work = Shutdown(), Work()
        asked = asyncio.create_task(Plannings(shutdown).run("submit", "k", "body", work))
        await asyncio.sleep(0.02)
        shutdown._requested.set()
        with pytest.raises(StillPlanning):
            await asked
        work.may_end.set()

    play(scene())


def test_a_submit_that_takes_long_is_202_and_then_201_with_one_sweep(
    sqlite_api: TestClient, sqlite_store: Store, spec: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    sqlite_api.post("/v1/sweeps?dry_run=true", json=spec)  # loads the library
    plan, work = submission.planned, Work()
    monkeypatch.setattr(submission, "planned", lambda *given: (work(), plan(*given))[1])
    key = {"Idempotency-Key": "k"}
    for _ in range(2):
        answer = sqlite_api.post("/v1/sweeps", json=spec, headers=key)
        assert (answer.status_code, answer.headers["Retry-After"]) == (202, "1")
        assert answer.json()["planning_seconds"] >= 0
        assert "with the same Idempotency-Key" in answer.json()["detail"]
    assert sqlite_api.get("/health").status_code == 200
    assert sqlite_api.post("/v1/sweeps", json=spec | {"seed": 1}, headers=key).status_code == 422
    work.may_end.set()
    end = time.monotonic() + 10
    while (answer := sqlite_api.post("/v1/sweeps", json=spec, headers=key)).status_code == 202:
        assert time.monotonic() < end
    assert answer.status_code == 201
    assert work.begun == 1
    found = sqlite_store.read(lambda session: sweeps.newest(session, 10, None, sweeps.Filter((), None, None)))
    assert [sweep.id for sweep in found] == [answer.json()["id"]]
