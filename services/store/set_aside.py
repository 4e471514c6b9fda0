"""Sweeps that a chore cannot treat: set aside with the reason, while the chore goes on with the others."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from typing import TypeVar, cast

from sqlalchemy import ColumnElement, Table, or_, select, update
from sqlalchemy.orm import Session

from services.store.clock import db_now, seconds_ago
from services.store.models import Sweep
from services.store.session import Store, is_outage

T = TypeVar("T")
log = logging.getLogger(__name__)
# The chores that set sweeps aside.
DISPATCH, SETTLE, DECIDE, DELETE = "dispatch", "settle", "decide", "delete"
RETRY_SECONDS = 60  # after which a chore tries a sweep again that was set aside
MAX_REASON_CHARS = 500


def treat(
    store: Store, chore: str, sweep_id: str, work: Callable[[Session], T], was_set_aside: bool = True
) -> T | None:
    """Do a chore's work on one sweep in a transaction; None if the work failed and the sweep was set aside.

    Where the caller has seen that the sweep was not set aside before, that need not be taken back.

    A database that does not answer says nothing about the sweep, so that is raised.
    """

    def work_and_take_back(session: Session) -> T:
        result = work(session)
        if was_set_aside:
            mine = Sweep.id == sweep_id, Sweep.set_aside.startswith(f"{chore}: ", autoescape=True)
            session.execute(update(Sweep).where(*mine).values(set_aside=None, set_aside_at=None))
        return result

    try:
        return store.write(work_and_take_back)
    except Exception as error:
        if is_outage(error):
            raise
        put(store, chore, sweep_id, error)
        return None


def put(store: Store, chore: str, sweep_id: str, error: Exception) -> None:
    """Set a sweep aside because a chore failed at it; called while the error is handled."""
    reason = f"{chore}: {' '.join(str(error).split()) or type(error).__name__}"[:MAX_REASON_CHARS]
    if store.write(partial(_set_aside, sweep_id=sweep_id, reason=reason)):
        log.exception("sweep %s is set aside, and tried again every %d s", sweep_id, RETRY_SECONDS)


def _set_aside(session: Session, sweep_id: str, reason: str) -> bool:
    """Write the reason; returns whether it is new."""
    before = session.scalars(select(Sweep.set_aside).where(Sweep.id == sweep_id)).one_or_none()
    session.execute(update(Sweep).where(Sweep.id == sweep_id).values(set_aside=reason, set_aside_at=db_now()))
    return before != reason


def is_due(chore: str) -> ColumnElement[bool]:
    """The condition that this chore did not set a sweep aside, or so long ago that it is tried again."""
    sweeps = cast(Table, Sweep.__table__).c
    by_it = sweeps.set_aside.startswith(f"{chore}: ", autoescape=True)
    return or_(sweeps.set_aside.is_(None), ~by_it, sweeps.set_aside_at < seconds_ago(RETRY_SECONDS))
