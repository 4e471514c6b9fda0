"""Transaction numbers: they let a reader of events wait for transactions that began earlier.

PostgreSQL hands out ids before transactions commit, so a row with a lower id may appear after one with a
higher id was read. A reader of rows below `settled_tx` in the order (tx, id) misses none.
SQLite has one writer at a time: there every number is 0, and ids alone give the order.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

MAX_TX = 2**63 - 1


class current_tx(FunctionElement[int]):
    """The number of this transaction."""

    type = BigInteger()
    inherit_cache = True
    name = "current_tx"


class settled_tx(FunctionElement[int]):
    """Every transaction with a lower number has ended, as this statement sees the database."""

    type = BigInteger()
    inherit_cache = True
    name = "settled_tx"


@compiles(current_tx, "sqlite")
def _no_number(element: current_tx, compiler: Any, **kw: Any) -> str:
    return "0"


@compiles(current_tx, "postgresql")
def _number(element: current_tx, compiler: Any, **kw: Any) -> str:
    return "CAST(CAST(pg_current_xact_id() AS TEXT) AS BIGINT)"


@compiles(settled_tx, "sqlite")
def _all(element: settled_tx, compiler: Any, **kw: Any) -> str:
    return str(MAX_TX)


@compiles(settled_tx, "postgresql")
def _oldest_alive(element: settled_tx, compiler: Any, **kw: Any) -> str:
    return "CAST(CAST(pg_snapshot_xmin(pg_current_snapshot()) AS TEXT) AS BIGINT)"
