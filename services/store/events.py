"""Events: what the watchers of sweeps are sent, written in the transaction of the change itself.

Kinds: `sweep` (its new state), `trial` (its new state), `epoch` (one per pack and epoch, with the objective's
value of each trial). They show a watcher what to read again; the tables are the truth.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    JSON,
    ColumnElement,
    String,
    bindparam,
    column,
    delete,
    exists,
    insert,
    select,
    tuple_,
    update,
)
from sqlalchemy.orm import Session

from services.domain.errors import ParameterError
from services.store.at_commit import gather
from services.store.clock import db_now, seconds_ago
from services.store.json_rows import json_rows
from services.store.models import Event, Sweep
from services.store.session import touched
from services.store.tx import MAX_TX, current_tx, settled_tx

MovedTrial = tuple[str, int, str, Mapping[str, Any] | None]  # id, number, new state, failure

EVENTS_PER_FORGET = 250  # how many one transaction deletes
# Of the table, not of the class: compiled once, for any number of rows.
_EACH = json_rows(bindparam("each", type_=String)).table_valued(column("value", JSON)).c.value
_INSERT = insert(Event.__table__).from_select(  # type: ignore[arg-type]
    ["tx", "at", "sweep_id", "kind", "data"],
    select(
        current_tx(),
        db_now(),
        _EACH["sweep"].as_string(),
        _EACH["kind"].as_string(),
        _EACH["data"],
    ),
)


@dataclass(frozen=True, order=True)
class EventPosition:
    """A position in the stream of events: behind the event with this transaction number and this id."""

    tx: int
    id: int

    def __str__(self) -> str:
        return f"{self.tx}-{self.id}"

    @classmethod
    def read(cls, text: str) -> EventPosition:
        """Read the position that a client got with an event, or raise `ParameterError`."""
        found = re.fullmatch(r"(\d{1,19})-(\d{1,19})", text, re.ASCII)
        if not found or max(map(int, found.groups())) > MAX_TX:
            raise ParameterError(
                "Last-Event-ID must be the id of an event, such as 71-205, or 0-0 for the beginning; "
                f"got {text[:80]!r}"
            )
        return cls(int(found[1]), int(found[2]))


BEGINNING = EventPosition(0, 0)


def sweep_moved(session: Session, sweep: Sweep) -> None:
    """Write the event of a sweep's new state; the first one means that the sweep exists.

    One that the service has paused carries the reason.
    """
    reason = {"reason": sweep.pause_reason} if sweep.pause_reason else {}
    add(session, sweep.id, "sweep", [{"state": sweep.state, **reason}])


def trials_moved(session: Session, sweep_id: str, moved: Iterable[MovedTrial]) -> None:
    """Write an event for each trial that moved: its new state, and the kind of its latest failure."""
    rows = [
        {"trial": id, "number": number, "state": state, "failure": (failure or {}).get("kind")}
        for id, number, state, failure in moved
    ]
    add(session, sweep_id, "trial", rows)


def epoch_done(
    session: Session, sweep_id: str, pack_id: str, epoch: int, values: Mapping[str, float | str | None]
) -> None:
    """Write the event of an epoch that a pack's trials have finished, with the objective's value of each."""
    add(session, sweep_id, "epoch", [{"pack": pack_id, "epoch": epoch, "values": dict(values)}])


def add(session: Session, sweep_id: str, kind: str, each: Sequence[Mapping[str, Any]]) -> None:
    """Write events of one kind when the transaction commits, all of it in one statement."""
    gather(session, _write, ({"sweep": sweep_id, "kind": kind, "data": dict(data)} for data in each))


def _write(session: Session, each: Sequence[Mapping[str, Any]]) -> None:
    if each:
        session.execute(_INSERT, {"each": json.dumps(each)})


def after(
    session: Session, position: EventPosition, sweep_id: str | None = None, limit: int = 500
) -> Sequence[Event]:
    """Events behind a position, of one sweep or of all; those that an older one may still precede wait."""
    query = select(Event).where(_behind(position), Event.tx < settled_tx())
    if sweep_id is not None:
        query = query.where(Event.sweep_id == sweep_id)
    return session.scalars(query.order_by(Event.tx, Event.id).limit(limit)).all()


def newest(session: Session) -> EventPosition:
    """The position behind everything that can be read now."""
    query = select(Event).where(Event.tx < settled_tx()).order_by(Event.tx.desc(), Event.id.desc()).limit(1)
    last = session.scalars(query).one_or_none()
    return EventPosition(last.tx, last.id) if last else BEGINNING


def is_over(session: Session, sweep_id: str, position: EventPosition) -> str | None:
    """The sweep's final state if no event of it is behind this position, waiting ones included."""
    state = session.scalars(
        select(Sweep.state).where(Sweep.id == sweep_id, Sweep.finished_at.is_not(None))
    ).one_or_none()
    if state is None:
        return None
    more = select(exists().where(Event.sweep_id == sweep_id, _behind(position)))
    return None if session.execute(more).scalar_one() else state


def forget(session: Session, seconds: float) -> int | None:
    """Delete some events of the sweep that ended first, more than so many seconds ago; returns how many.

    A sweep that has none left is marked and not looked at again; None once every such sweep is marked.
    """
    # Locked, so that it is not retried meanwhile.
    sweep_id = session.scalars(
        select(Sweep.id)
        .where(Sweep.finished_at < seconds_ago(seconds), ~Sweep.events_forgotten)
        .order_by(Sweep.finished_at)
        .limit(1)
        .with_for_update(key_share=True)
    ).one_or_none()
    if sweep_id is None:
        return None
    some = select(Event.id).where(Event.sweep_id == sweep_id).order_by(Event.tx, Event.id)
    deleted = touched(session.execute(delete(Event).where(Event.id.in_(some.limit(EVENTS_PER_FORGET)))))
    if deleted < EVENTS_PER_FORGET:
        session.execute(update(Sweep).where(Sweep.id == sweep_id).values(events_forgotten=True))
    return deleted


def _behind(position: EventPosition) -> ColumnElement[bool]:
    return tuple_(Event.tx, Event.id) > tuple_(position.tx, position.id)
