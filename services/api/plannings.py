"""Plannings under way: few at once, each Idempotency-Key planned once, and no request waits long for one."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from services.api.shutdown import Shutdown
from services.domain.errors import ParameterError, Refused

log = logging.getLogger(__name__)
T = TypeVar("T")
MAX_PLANNINGS_AT_ONCE = 2  # each takes a core for seconds, or reads gigabytes; more only slow one another
MAX_ANSWER_SECONDS = 20.0  # that a request waits; clients and proxies often give up after 30
MAX_TURN_WAIT_SECONDS = 0.5  # after which one starts beside another; most take a few hundredths of a second
SHUTDOWN_POLL_SECONDS = 0.5
KEPT_SECONDS = 120.0  # for which the outcome is kept for the client that was told to come back for it


class StillPlanning(Exception):
    """A plan is not made yet; the same request can be sent again. `seconds`: since it was begun."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"planning for {seconds:.0f} s")
        self.seconds = seconds


@dataclass(eq=False)
class Planning:
    """What is planned under a key: its body's digest, since when, and whether a client will come back."""

    digest: str
    begun: float
    task: asyncio.Task[Any]
    left: bool = False


class Plannings:
    """Runs plannings in threads, away from the event loop, at most `MAX_PLANNINGS_AT_ONCE`.

    They go one after another, and only beside one that takes long: side by side they are not done sooner,
    because Python runs one thread at a time, but have the thread that answers wait twice as long.
    """

    def __init__(self, shutdown: Shutdown) -> None:
        self._shutdown = shutdown
        self._free = asyncio.Semaphore(MAX_PLANNINGS_AT_ONCE)
        self._turn = asyncio.Lock()
        self._under_way: dict[tuple[str, str], Planning] = {}

    async def run(self, purpose: str, key: str | None, digest: str, work: Callable[[], T]) -> T:
        """Run a planning, or wait for the one that has this key and purpose; without a key, to its end.

        `StillPlanning` after `MAX_ANSWER_SECONDS`, while it goes on; `ParameterError` if it is of another
        body.
        """
        if key is None:
            return await self._run(work)
        place = (purpose, key)
        planning = self._under_way.get(place)
        if planning is not None and planning.digest != digest:
            if not planning.task.done():
                raise ParameterError(
                    f"header Idempotency-Key: {key!r} belongs to another body, which is being planned; "
                    "send that body again, or this one with a new key"
                )
            planning = None
        if planning is None:
            planning = Planning(digest, time.monotonic(), asyncio.create_task(self._run(work)))
            self._under_way[place] = planning
            planning.task.add_done_callback(partial(self._ended, place, planning))
        await self._wait(planning)
        found: T = planning.task.result()
        return found

    async def _run(self, work: Callable[[], T]) -> T:
        async with self._free, self._in_turn():
            return await _in_thread(work)

    @asynccontextmanager
    async def _in_turn(self) -> AsyncIterator[None]:
        """Wait until the planning before this one is done, or has taken long."""
        mine = False
        with suppress(TimeoutError):
            async with asyncio.timeout(MAX_TURN_WAIT_SECONDS):
                mine = await self._turn.acquire()
        try:
            yield
        finally:
            if mine:
                self._turn.release()

    async def _wait(self, planning: Planning) -> None:
        end = time.monotonic() + MAX_ANSWER_SECONDS
        while not planning.task.done():
            left = end - time.monotonic()
            if left <= 0 or self._shutdown.requested:
                planning.left = True
                raise StillPlanning(time.monotonic() - planning.begun)
            await asyncio.wait([planning.task], timeout=min(left, SHUTDOWN_POLL_SECONDS))

    def _ended(self, place: tuple[str, str], planning: Planning, task: asyncio.Task[Any]) -> None:
        """Forget a planning; if a client will come back for its result or its refusal, later."""
        if task.cancelled():
            return
        failure = task.exception()
        if planning.left and (failure is None or isinstance(failure, Refused)):
            asyncio.get_running_loop().call_later(KEPT_SECONDS, self._forget, place, planning)
            return
        if planning.left and failure is not None:
            log.error("a planning failed that is asked for again", exc_info=failure)
        self._forget(place, planning)

    def _forget(self, place: tuple[str, str], planning: Planning) -> None:
        if self._under_way.get(place) is planning:
            del self._under_way[place]


async def _in_thread(work: Callable[[], T]) -> T:
    """Run a function in a thread that does not keep the process from ending."""
    loop = asyncio.get_running_loop()
    outcome: asyncio.Future[T] = loop.create_future()

    def settle(result: T | None, failure: BaseException | None) -> None:
        if outcome.cancelled():
            return
        if failure is not None:
            outcome.set_exception(failure)
        else:
            outcome.set_result(result)  # type: ignore[arg-type]

    def run() -> None:
        result, failure = None, None
        try:
            result = work()
        except BaseException as error:
            failure = error
        with suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(settle, result, failure)

    threading.Thread(target=run, name="planning", daemon=True).start()
    return await outcome
