"""Events: what a watcher of sweeps hears, written in the transaction of the change itself.

Kinds: `sweep` (its new state), `trial` (its new state), `epoch` (one per pack and epoch, with the objective's
value of each trial). They tell a watcher where to look; the tables are the truth.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Result, delete, exists, insert, select, tuple_
from sqlalchemy.orm import Session

from services.domain.errors import ParameterError
from services.store.clock import db_now
from services.store.models import Event, Sweep, Trial
from services.store.tx import ALL, current_tx, settled_tx

# Of the table, not of the class: compiled once, for any number of rows.
_INSERT = insert(Event.__table__).values(tx=current_tx(), at=db_now())  # type: ignore[arg-type]


@dataclass(frozen=True, order=True)
class Place:
    """A place in the stream of events: behind the event with this number of a transaction and this id."""

    tx: int
    id: int

    def __str__(self) -> str:
        return f"{self.tx}-{self.id}"

    @classmethod
    def read(cls, text: str) -> Place:
        """The place that a client got with an event, or `ParameterError`."""
        found = re.fullmatch(r"(\d{1,19})-(\d{1,19})", text, re.ASCII)
        if not found or max(map(int, found.groups())) > ALL:
            raise ParameterError(
                "Last-Event-ID must be the id of an event, such as 71-205, or 0-0 for the beginning; "
                f"got {text[:80]!r}"
            )
        return cls(int(found[1]), int(found[2]))


BEGINNING = Place(0, 0)


def sweep_moved(session: Session, sweep: Sweep) -> None:
    """Tell a sweep's new state, or that it is there."""
    add(session, sweep.id, "sweep", [{"state": sweep.state}])


def trials_moved(session: Session, sweep_id: str, trials: Iterable[Trial]) -> None:
    """Tell the new state of trials, and why those failed that did."""
    moved = [
        {"trial": t.id, "number": t.number, "state": t.state, "failure": (t.failure or {}).get("kind")}
        for t in trials
    ]
    add(session, sweep_id, "trial", moved)


def trials_went(session: Session, sweep_id: str, trials: Result[str, int], state: str) -> None:
    """The same of trials that one UPDATE moved, which returned their ids and numbers."""
    moved = [{"trial": id, "number": number, "state": state, "failure": None} for id, number in trials]
    add(session, sweep_id, "trial", moved)


def epoch_done(
    session: Session, sweep_id: str, pack_id: str, epoch: int, values: Mapping[str, float | str | None]
) -> None:
    """Tell that a pack's trials have finished an epoch, and the objective's value of each there."""
    add(session, sweep_id, "epoch", [{"pack": pack_id, "epoch": epoch, "values": dict(values)}])


def add(session: Session, sweep_id: str, kind: str, found: Sequence[Mapping[str, Any]]) -> None:
    """Write events of one kind."""
    if found:
        rows = [{"sweep_id": sweep_id, "kind": kind, "data": dict(data)} for data in found]
        session.execute(_INSERT, rows)


def after(session: Session, place: Place, sweep_id: str | None = None, limit: int = 500) -> Sequence[Event]:
    """Events behind a place, of one sweep or of all; those that an older one may still precede wait."""
    query = select(Event).where(_behind(place), Event.tx < settled_tx())
    if sweep_id is not None:
        query = query.where(Event.sweep_id == sweep_id)
    return session.scalars(query.order_by(Event.tx, Event.id).limit(limit)).all()


def newest(session: Session) -> Place:
    """The place behind everything that can be read now."""
    query = select(Event).where(Event.tx < settled_tx()).order_by(Event.tx.desc(), Event.id.desc()).limit(1)
    last = session.scalars(query).one_or_none()
    return Place(last.tx, last.id) if last else BEGINNING


def is_over(session: Session, sweep_id: str, place: Place) -> str | None:
    """The sweep's final state if nothing of it is behind this place, waiting events included."""
    state = session.scalars(
        select(Sweep.state).where(Sweep.id == sweep_id, Sweep.finished_at.is_not(None))
    ).one_or_none()
    more = select(exists().where(Event.sweep_id == sweep_id, _behind(place)))
    return None if state is None or session.execute(more).scalar_one() else state


def forget(session: Session, seconds: float) -> None:
    """Delete the events of sweeps that have been over for so long."""
    long_ago = db_now() - int(seconds * 1000)
    over = exists().where(Sweep.id == Event.sweep_id, Sweep.finished_at < long_ago)
    session.execute(
        delete(Event).where(Event.at < long_ago, over).execution_options(synchronize_session=False)
    )


def _behind(place: Place) -> ColumnElement[bool]:
    return tuple_(Event.tx, Event.id) > tuple_(place.tx, place.id)
