"""Transactions: one way to read, one way to write, the same on SQLite and PostgreSQL."""

from __future__ import annotations

import logging
import math
import random
import time
from collections.abc import Callable
from typing import Any, TypeVar

from sqlalchemy import CursorResult, Engine, create_engine, event, make_url, select, text
from sqlalchemy.exc import DBAPIError, InvalidatePoolError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session

from services.store.clock import db_now
from services.store.kept import KEPT

__all__ = ["Session", "Store", "touched"]
T = TypeVar("T")
MAX_TRIES = 6
UNIQUE_VIOLATION = "23505"  # two wrote the same new row: the one who repeats finds it
# A database host that disappears without closing its connections is noticed within half a minute.
CONNECTION = {
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
}
OUTAGE_PAUSE = 0.5  # seconds
MAX_UNTRIED_SECONDS = 1.0  # of rest, after which a connection is tried before it is used
LOCK_NOT_AVAILABLE = "55P03"  # it waited for a lock too long
IDLE_IN_TRANSACTION = "25P03"  # PostgreSQL has ended the session, because its transaction stood still
log = logging.getLogger(__name__)


class Store:
    """A database of sweeps.

    `read` and `write` take a function of a session and return what it returns. `write` commits; it repeats
    the function when the database reports that the transaction lost against another one, or waited for a lock
    for `lock_timeout` seconds.

    A process that is frozen within a transaction keeps its locks. PostgreSQL ends such a session after
    `max_idle` seconds; SQLite has no server that could, and there all writers wait until the process goes on
    or is killed.
    """

    def __init__(self, url: str, max_idle: float = 30.0, lock_timeout: float = 10.0) -> None:
        self.engine = _engine(url, max_idle, lock_timeout)
        self._info: dict[str, dict[type, Any]] = {KEPT: {}}
        self._kept_for_writes: dict[str, dict[type, Any]] = {
            KEPT: {}
        }  # apart: a page shows what the row holds now
        self._writing = self.engine.execution_options(writing=True)

    def read(self, work: Callable[[Session], T]) -> T:
        """Run `work` in a transaction that writes nothing.

        It ends with COMMIT: after a ROLLBACK psycopg forgets what it has prepared on the connection, and then
        PostgreSQL plans every statement anew.
        """
        with Session(self.engine, expire_on_commit=False, info=self._info) as session:
            result = work(session)
            session.commit()
            return result

    def write(self, work: Callable[[Session], T]) -> T:
        """Run `work` in a transaction and commit; repeated after a deadlock, `work` starts from nothing."""
        for left in reversed(range(MAX_TRIES)):
            try:
                with (
                    Session(self._writing, expire_on_commit=False, info=self._kept_for_writes) as session,
                    session.begin(),
                ):
                    return work(session)
            except DBAPIError as error:
                if left == 0 or not _lost_a_race(error):
                    raise
                time.sleep(random.uniform(0.01, 0.1))  # noqa: S311 (jitter, no secret)
        raise AssertionError("unreachable")

    def insist(self, work: Callable[[Session], T]) -> T:
        """Write, and try again for as long as the database does not answer; a commit may so be repeated."""
        while True:
            try:
                return self.write(work)
            except DBAPIError as error:
                if not is_outage(error):
                    raise
                log.warning("the database does not answer, will try again: %s", error.orig)
                time.sleep(OUTAGE_PAUSE)

    def now(self) -> int:
        """The database's clock, in ms."""
        return self.read(lambda session: session.execute(select(db_now())).scalar_one())

    def ping(self) -> None:
        """Raise unless the database answers and has the tables."""
        self.read(lambda session: session.execute(text("SELECT 1 FROM sweeps LIMIT 1")))

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()


def touched(result: Any) -> int:
    """Count the rows that an UPDATE changed."""
    assert isinstance(result, CursorResult)
    return result.rowcount


def is_outage(error: Exception) -> bool:
    """Return whether the database could not be reached, as opposed to having refused the statement.

    When a database hangs, connections run out: waiting for one in vain is an outage, too.
    """
    return isinstance(error, OperationalError | PoolTimeout) or (
        isinstance(error, DBAPIError)
        and (error.connection_invalidated or _state(error) == IDLE_IN_TRANSACTION)
    )


def _lost_a_race(error: DBAPIError) -> bool:
    lost = ("40001", "40P01", UNIQUE_VIOLATION, LOCK_NOT_AVAILABLE)
    return _state(error) in lost or "database is locked" in str(error.orig)


def _state(error: DBAPIError) -> str | None:
    return getattr(error.orig, "sqlstate", None)


def _engine(url: str, max_idle: float, lock_timeout: float) -> Engine:
    address = make_url(url)
    if address.get_backend_name() == "sqlite":
        engine = create_engine(address, connect_args={"timeout": 30})
        _sane_sqlite(engine)
        return engine
    limits = {"idle_in_transaction_session_timeout": max_idle, "lock_timeout": lock_timeout}
    options = " ".join(f"-c {name}={int(seconds * 1000)}" for name, seconds in limits.items())
    arguments = {**CONNECTION, "options": options}
    engine = create_engine(address, pool_size=5, connect_args=arguments)
    _try_idle_connections(engine)
    return engine


def _try_idle_connections(engine: Engine) -> None:
    """Ask a connection that has rested for a while whether it lives; to ask each time would cost a tenth."""

    @event.listens_for(engine, "checkin")
    def checkin(_: Any, record: Any) -> None:
        record.info["rests_since"] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def checkout(connection: Any, record: Any, _: Any) -> None:
        if time.monotonic() - record.info.get("rests_since", math.inf) < MAX_UNTRIED_SECONDS:
            return
        try:
            engine.dialect.do_ping(connection)
        except engine.dialect.loaded_dbapi.Error as error:
            raise InvalidatePoolError from error  # another one is made


def _sane_sqlite(engine: Engine) -> None:
    """WAL, real transactions, and writers that queue up at BEGIN instead of failing in the middle."""

    @event.listens_for(engine, "connect")
    def connect(connection: Any, _: Any) -> None:
        connection.isolation_level = None  # pysqlite begins nothing by itself
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA foreign_keys=ON")
        connection.execute("PRAGMA synchronous=NORMAL")
        # SQLite's own function changes no letter but A to Z.
        connection.create_function("lower", 1, lambda text: text and str(text).lower(), deterministic=True)

    @event.listens_for(engine, "begin")
    def begin(connection: Any) -> None:
        writing = connection.get_execution_options().get("writing", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")
