"""What a transaction gathers and writes once, before it commits: the rows of a table in one statement."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from sqlalchemy import event
from sqlalchemy.orm import Session

GATHERED = "gathered"  # in `session.info`
Write = Callable[[Session, Sequence[Any]], None]


def gather(session: Session, write: Write, rows: Iterable[Any]) -> None:
    """Have `write` called with these rows and all that are gathered for it, when the transaction commits."""
    transaction = session.get_transaction() or session.begin()
    noted = session.info.get(GATHERED)
    if noted is None or noted[0] is not transaction:  # those of a transaction that was rolled back are gone
        noted = session.info[GATHERED] = transaction, {}
    by_writer: dict[Write, list[Any]] = noted[1]
    by_writer.setdefault(write, []).extend(rows)


@event.listens_for(Session, "before_commit")
def write_gathered(session: Session) -> None:
    """Write what has been gathered so far."""
    transaction, gathered = session.info.pop(GATHERED, (None, {}))
    if transaction is session.get_transaction():
        for write, rows in gathered.items():
            write(session, rows)
