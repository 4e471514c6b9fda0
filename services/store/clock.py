"""The database's clock, in integer milliseconds: the only clock that guards a lease."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, ColumnElement, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import Session
from sqlalchemy.sql.functions import FunctionElement


class db_now(FunctionElement[int]):
    """Milliseconds since 1970 at the time of the statement, not of the transaction."""

    type = BigInteger()
    inherit_cache = True
    name = "db_now"


def read(session: Session) -> int:
    """The time now, in ms."""
    return session.execute(select(db_now())).scalar_one()


def in_seconds(seconds: float) -> ColumnElement[int]:
    """The time so many seconds from now, in ms."""
    return db_now() + int(seconds * 1000)


def seconds_ago(seconds: float) -> ColumnElement[int]:
    """The time so many seconds before now, in ms."""
    return db_now() - int(seconds * 1000)


@compiles(db_now, "sqlite")
def _sqlite(element: db_now, compiler: Any, **kw: Any) -> str:
    return "CAST(ROUND((julianday('now') - 2440587.5) * 86400000.0) AS INTEGER)"


@compiles(db_now, "postgresql")
def _postgresql(element: db_now, compiler: Any, **kw: Any) -> str:
    return "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)"
