"""Workers, by what they say of themselves."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from services.store.clock import db_now
from services.store.models import Worker


def say(session: Session, worker_id: str, host: str, pid: int, words: str) -> None:
    """Record that a worker is there, and what it does, in words."""
    worker = session.get(Worker, worker_id)
    if worker is None:
        now = session.execute(select(db_now())).scalar_one()
        session.add(Worker(id=worker_id, host=host, pid=pid, started_at=now, seen=now, says=words))
    else:
        session.execute(
            update(Worker).where(Worker.id == worker_id).values(seen=db_now(), says=words, stopped=False)
        )


def stop(session: Session, worker_id: str) -> None:
    """Record that a worker went in good order."""
    session.execute(update(Worker).where(Worker.id == worker_id).values(stopped=True, says="stopped"))


def seen_within(session: Session, seconds: float) -> Sequence[Worker]:
    """Workers heard of lately that have not said goodbye."""
    return session.scalars(
        select(Worker)
        .where(Worker.stopped.is_(False), Worker.seen >= db_now() - int(seconds * 1000))
        .order_by(Worker.id)
    ).all()


def forget(session: Session, older_than: float) -> None:
    """Drop workers that have been silent for so many seconds."""
    session.execute(delete(Worker).where(Worker.seen < db_now() - int(older_than * 1000)))
