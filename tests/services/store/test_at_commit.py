"""What a transaction gathers is written once when it commits, and never if it does not."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from services.store.at_commit import gather
from services.store.session import Session, Store

written: list[list[str]] = []


@pytest.fixture(autouse=True)
def _nothing_yet() -> None:
    written.clear()


def write(session: Session, rows: Sequence[str]) -> None:
    """Note what was written, call by call."""
    written.append(list(rows))


def test_all_of_a_transaction_is_one_call(sqlite_store: Store) -> None:
    with Session(sqlite_store.engine) as session:
        gather(session, write, ["a"])
        gather(session, write, ["b", "c"])
        assert written == []
        session.commit()
        session.commit()
    assert written == [["a", "b", "c"]]


@pytest.mark.parametrize("more", [[], ["new"]])
def test_what_was_rolled_back_is_not_written_by_the_next_commit(sqlite_store: Store, more: list[str]) -> None:
    with Session(sqlite_store.engine) as session:
        gather(session, write, ["old"])
        session.rollback()
        session.begin()
        if more:
            gather(session, write, more)
        session.commit()
    assert written == [more] * len(more)
