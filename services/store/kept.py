"""What a `Store` keeps in memory for all its sessions: one object of each class that asks for one."""

from __future__ import annotations

from typing import Any, TypeVar

from sqlalchemy.orm import Session

T = TypeVar("T")
KEPT = "kept"  # in `session.info`


def of_store(session: Session, kind: type[T]) -> T:
    """The store's object of a class, made when it is first asked for; a session that writes has its own."""
    kept: dict[type, Any] = session.info.setdefault(KEPT, {})
    found: T = kept.setdefault(kind, kept.get(kind) or kind())
    return found
