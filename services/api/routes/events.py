"""What happens to sweeps, as it happens: server-sent events that a client can take up where it broke off."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from functools import partial
from typing import Annotated, Any, NamedTuple, TypeVar

from fastapi import APIRouter, Depends, Header, Query
from fastapi.concurrency import run_in_threadpool
from fastapi.sse import EventSourceResponse, ServerSentEvent

from services.api.deps import Reached, Services
from services.api.views.values import rfc3339
from services.store import events, sweeps
from services.store.events import BEGINNING, EventPosition
from services.store.models import Event
from services.store.session import Session, is_outage

T = TypeVar("T")
router = APIRouter(tags=["events"])
log = logging.getLogger(__name__)
POLL = 0.5  # seconds between two looks
PAGE = 500  # events of one look
GREETING = "events follow; a comment like this comes every 15 seconds in which there is none"


def _start(
    last: Annotated[
        str | None,
        Header(alias="Last-Event-ID", description="The id of the last event that came: go on behind it"),
    ] = None,
    after: Annotated[
        str | None, Query(description="The same, for clients that cannot send the header, which wins")
    ] = None,
) -> EventPosition | None:
    given = last if last is not None else after
    return None if given is None else EventPosition.read(given)


def _known(sweep_id: str, reached: Reached) -> str:
    return reached.store.read(lambda session: sweeps.get(session, sweep_id)).id


Start = Annotated[EventPosition | None, Depends(_start)]
Known = Annotated[str, Depends(_known)]


@router.get("/sweeps/{sweep_id}/events", response_class=EventSourceResponse, summary="Watch a sweep")
async def of_sweep(sweep_id: Known, reached: Reached, start: Start) -> AsyncIterator[ServerSentEvent]:
    """The events of a sweep from its first one on, or from where the client was.

    Kinds: `sweep` (its new state), `trial` (its id, number and new state, and the kind of its failure),
    `epoch` (the pack, the epoch, and the objective's value of each of its trials). When the sweep is over and
    everything was sent comes `end` with its state, and the stream ends. Events are kept for seven days beyond
    their sweep's end; an older id gets what is there.
    """
    async for event in _follow(reached, sweep_id, start or BEGINNING):
        yield event


@router.get("/events", response_class=EventSourceResponse, summary="Watch every sweep")
async def of_all(reached: Reached, start: Start) -> AsyncIterator[ServerSentEvent]:
    """The events of every sweep, from now on or from where the client was; 0-0 is the beginning."""
    async for event in _follow(reached, None, start):
        yield event


class Look(NamedTuple):
    """What one look at the tables found."""

    found: Sequence[Event]
    over: str | None  # the sweep's final state, once nothing of it is left to be sent


async def _follow(
    reached: Services, sweep_id: str | None, place: EventPosition | None
) -> AsyncIterator[ServerSentEvent]:
    """Look, tell, wait; no connection to the database is held while waiting."""
    place = place or await _ask(reached, events.newest)
    yield ServerSentEvent(comment=GREETING)
    while not reached.closing.told:
        place = place or await _ask(reached, events.newest)
        look = await _ask(reached, partial(_look, sweep_id=sweep_id, place=place)) if place else None
        for event in look.found if look else ():
            place = EventPosition(event.tx, event.id)
            yield _shown(event, place)
        if look and look.over:
            yield ServerSentEvent(event="end", id=str(place), data={"sweep": sweep_id, "state": look.over})
            return
        if look is None or len(look.found) < PAGE:
            await asyncio.sleep(POLL)


async def _ask(reached: Services, work: Callable[[Session], T]) -> T | None:
    """Read from the database; None while it is away, which a stream outlives."""
    try:
        return await run_in_threadpool(reached.store.read, work)
    except Exception as error:
        if not is_outage(error):
            raise
        log.warning("a stream of events waits, the database is away: %s", error)
        return None


def _look(session: Session, sweep_id: str | None, place: EventPosition) -> Look:
    found = events.after(session, place, sweep_id, PAGE)
    return Look(found, events.is_over(session, sweep_id, place) if sweep_id and not found else None)


def _shown(event: Event, place: EventPosition) -> ServerSentEvent:
    data: dict[str, Any] = {"sweep": event.sweep_id, "at": rfc3339(event.at), **event.data}
    return ServerSentEvent(event=event.kind, id=str(place), data=data)
