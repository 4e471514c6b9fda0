"""Idempotency keys: a request that is sent twice with one key makes one sweep."""

from __future__ import annotations

from sqlalchemy import ForeignKey, Index, String, delete
from sqlalchemy.orm import Mapped, Session, mapped_column

from services.domain.errors import ParameterError, StateForbids
from services.store import sweeps
from services.store.clock import db_now, seconds_ago
from services.store.table import Base


class SubmitKey(Base):
    """An Idempotency-Key: the sweep that its request made, and the digest of that request's body.

    Without the sweep, that was deleted.
    """

    __tablename__ = "submit_keys"
    __table_args__ = (Index(None, "created_at"),)

    key: Mapped[str] = mapped_column(String(200), primary_key=True)
    digest: Mapped[str] = mapped_column(String(64))
    sweep_id: Mapped[str | None] = mapped_column(ForeignKey("sweeps.id"))
    created_at: Mapped[int]


def find(session: Session, key: str, digest: str) -> str | None:
    """Look up the sweep that a key made; None for a new key.

    `ParameterError` if its body was another, `StateForbids` if the sweep was deleted: a request that is sent
    again does not bring it back.
    """
    known = session.get(SubmitKey, key)
    if known is None:
        return None
    if known.digest != digest:
        made = f"sweep {known.sweep_id}" if known.sweep_id else "a sweep, which was deleted,"
        raise ParameterError(
            f"header Idempotency-Key: {key!r} made {made} from another body; "
            "send that body again, or this one with a new key"
        )
    if known.sweep_id is None or sweeps.is_deleting(session, known.sweep_id):
        raise StateForbids(
            f"header Idempotency-Key: the sweep that {key!r} made was deleted; send a new key to make another"
        )
    return known.sweep_id


def keep(session: Session, key: str, digest: str, sweep_id: str) -> None:
    """Store what a key made; of two transactions that do so at once the second repeats and finds it."""
    session.add(SubmitKey(key=key, digest=digest, sweep_id=sweep_id, created_at=db_now()))
    session.flush()


def forget(session: Session, seconds: float) -> None:
    """Delete keys older than so many seconds; sent again, they make a new sweep."""
    session.execute(delete(SubmitKey).where(SubmitKey.created_at < seconds_ago(seconds)))
