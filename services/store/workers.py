"""Workers: which processes there are, and what each is doing."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import String, Text, delete, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from services.store.clock import db_now, seconds_ago
from services.store.table import Base


class Worker(Base):
    """A worker process, and in a sentence what it is doing."""

    __tablename__ = "workers"

    id: Mapped[str] = mapped_column(String(120), primary_key=True)
    host: Mapped[str] = mapped_column(String(120))
    pid: Mapped[int]
    started_at: Mapped[int]
    seen: Mapped[int]
    says: Mapped[str] = mapped_column(Text)
    stopped: Mapped[bool] = mapped_column(default=False)


def say(session: Session, worker_id: str, host: str, pid: int, words: str) -> None:
    """Record that a worker is alive, and a sentence about what it is doing."""
    worker = session.get(Worker, worker_id)
    if worker is None:
        now = session.execute(select(db_now())).scalar_one()
        session.add(Worker(id=worker_id, host=host, pid=pid, started_at=now, seen=now, says=words))
    else:
        session.execute(
            update(Worker).where(Worker.id == worker_id).values(seen=db_now(), says=words, stopped=False)
        )


def stop(session: Session, worker_id: str) -> None:
    """Record that a worker has shut down in good order."""
    session.execute(update(Worker).where(Worker.id == worker_id).values(stopped=True, says="stopped"))


def seen_within(session: Session, seconds: float) -> Sequence[Worker]:
    """Workers seen within so many seconds that have not shut down."""
    return session.scalars(
        select(Worker)
        .where(Worker.stopped.is_(False), Worker.seen >= seconds_ago(seconds))
        .order_by(Worker.id)
    ).all()


def forget(session: Session, seconds: float) -> None:
    """Delete workers that have been silent for so many seconds."""
    session.execute(delete(Worker).where(Worker.seen < seconds_ago(seconds)))
