"""Idempotency keys: a request that is sent twice with one key makes one sweep."""

from __future__ import annotations

from sqlalchemy import delete
from sqlalchemy.orm import Session

from services.domain.errors import ParameterError
from services.store.clock import db_now, seconds_ago
from services.store.models import SubmitKey


def find(session: Session, key: str, digest: str) -> str | None:
    """Look up the sweep that a key made; None for a new key, `ParameterError` if its body was another."""
    known = session.get(SubmitKey, key)
    if known is None:
        return None
    if known.digest != digest:
        raise ParameterError(
            f"header Idempotency-Key: {key!r} made sweep {known.sweep_id} from another body; "
            "send that body again, or this one with a new key"
        )
    return known.sweep_id


def keep(session: Session, key: str, digest: str, sweep_id: str) -> None:
    """Store what a key made; of two transactions that do so at once the second repeats and finds it."""
    session.add(SubmitKey(key=key, digest=digest, sweep_id=sweep_id, created_at=db_now()))
    session.flush()


def forget(session: Session, seconds: float) -> None:
    """Delete keys older than so many seconds; sent again, they make a new sweep."""
    session.execute(delete(SubmitKey).where(SubmitKey.created_at < seconds_ago(seconds)))
