"""Changes of sweeps as they happen: server-sent events, which a client can resume where it was cut off."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from functools import partial
from typing import Annotated, Any, NamedTuple, TypeVar

from fastapi import APIRouter, Depends, Header, Query
from fastapi.concurrency import run_in_threadpool
from fastapi.sse import EventSourceResponse, ServerSentEvent

from services.api.deps import Services, ServicesDep
from services.api.views.values import rfc3339
from services.store import events, sweeps
from services.store.events import BEGINNING, EventPosition
from services.store.models import Event
from services.store.session import Session, is_outage

T = TypeVar("T")
router = APIRouter(tags=["events"])
log = logging.getLogger(__name__)
POLL_SECONDS = 0.5  # between two reads
MAX_EVENTS_PER_READ = 500
OPENING_COMMENT = "events follow; a comment like this is sent after every 15 seconds without an event"


def _start(
    last: Annotated[
        str | None,
        Header(
            alias="Last-Event-ID",
            description="The id of the last event that was received; the stream continues after it",
        ),
    ] = None,
    after: Annotated[
        str | None,
        Query(description="The same for clients that cannot send the header; the header takes precedence"),
    ] = None,
) -> EventPosition | None:
    given = last if last is not None else after
    return None if given is None else EventPosition.read(given)


def _existing(sweep_id: str, services: ServicesDep) -> str:
    return services.store.read(lambda session: sweeps.get(session, sweep_id)).id


Start = Annotated[EventPosition | None, Depends(_start)]
ExistingSweepId = Annotated[str, Depends(_existing)]


@router.get("/sweeps/{sweep_id}/events", response_class=EventSourceResponse, summary="Watch a sweep")
async def sweep_events(
    sweep_id: ExistingSweepId, services: ServicesDep, start: Start
) -> AsyncIterator[ServerSentEvent]:
    """The events of a sweep from its first one on, or from where the client was cut off.

    Kinds: `sweep` (its new state), `trial` (its id, number and new state, and the kind of its failure),
    `epoch` (the pack, the epoch, and the objective's value of each of its trials). When the sweep is over and
    every event was sent, `end` follows with its state, and the stream closes. Events are kept until seven
    days after their sweep's end; an older id gets those that are left.
    """
    async for event in _follow(services, sweep_id, start or BEGINNING):
        yield event


@router.get("/events", response_class=EventSourceResponse, summary="Watch every sweep")
async def all_events(services: ServicesDep, start: Start) -> AsyncIterator[ServerSentEvent]:
    """The events of every sweep, from now on or from where the client was cut off; 0-0 is the beginning."""
    async for event in _follow(services, None, start):
        yield event


class Batch(NamedTuple):
    """The events of one read."""

    events: Sequence[Event]
    final_state: str | None  # of the sweep, once it is over and all of its events were sent


async def _follow(
    services: Services, sweep_id: str | None, place: EventPosition | None
) -> AsyncIterator[ServerSentEvent]:
    """Read, send, wait; no database connection is held while waiting."""
    place = place or await _read(services, events.newest)
    yield ServerSentEvent(comment=OPENING_COMMENT)
    while not services.shutdown.requested:
        place = place or await _read(services, events.newest)
        batch = await _read(services, partial(_next_batch, sweep_id=sweep_id, place=place)) if place else None
        for event in batch.events if batch else ():
            place = EventPosition(event.tx, event.id)
            yield _sent(event, place)
        if batch and batch.final_state:
            data = {"sweep": sweep_id, "state": batch.final_state}
            yield ServerSentEvent(event="end", id=str(place), data=data)
            return
        if batch is None or len(batch.events) < MAX_EVENTS_PER_READ:
            await asyncio.sleep(POLL_SECONDS)


async def _read(services: Services, work: Callable[[Session], T]) -> T | None:
    """Read from the database; None during an outage, which a stream survives."""
    try:
        return await run_in_threadpool(services.store.read, work)
    except Exception as error:
        if not is_outage(error):
            raise
        log.warning("a stream of events waits because the database is away: %s", error)
        return None


def _next_batch(session: Session, sweep_id: str | None, place: EventPosition) -> Batch:
    found = events.after(session, place, sweep_id, MAX_EVENTS_PER_READ)
    return Batch(found, events.is_over(session, sweep_id, place) if sweep_id and not found else None)


def _sent(event: Event, place: EventPosition) -> ServerSentEvent:
    data: dict[str, Any] = {"sweep": event.sweep_id, "at": rfc3339(event.at), **event.data}
    return ServerSentEvent(event=event.kind, id=str(place), data=data)
