"""Rows out of one JSON parameter: an INSERT of thousands of rows is then one statement."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, cast

from sqlalchemy import (
    JSON,
    ColumnElement,
    Insert,
    Integer,
    Select,
    String,
    Table,
    bindparam,
    column,
    insert,
    select,
)
from sqlalchemy import cast as sql_cast
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeEngine


class json_rows(FunctionElement[Any]):
    """The elements of a JSON array, given as text: one row each, in order, in the column `value`."""

    inherit_cache = True
    name = "json_rows"


@compiles(json_rows, "sqlite")
def _sqlite(element: json_rows, compiler: Any, **kw: Any) -> str:
    return f"json_each({compiler.process(element.clauses, **kw)})"


@compiles(json_rows, "postgresql")
def _postgresql(element: json_rows, compiler: Any, **kw: Any) -> str:
    return f"json_array_elements(CAST({compiler.process(element.clauses, **kw)} AS JSON))"


def insert_each(table: Table, *names: str, **others: str) -> Insert:
    """Make an INSERT of rows that are one parameter, `each`: a JSON array of objects with these names.

    `others` are columns whose values have another name there. Columns that are not given get their defaults.
    """
    columns = {name: name for name in names} | others
    each = json_rows(bindparam("each", type_=String)).table_valued(column("value", JSON)).c.value
    values = (_read(each[name], table.c[key].type) for key, name in columns.items())
    return insert(table).from_select(list(columns), select(*values))


def _read(value: Any, kind: TypeEngine[Any]) -> ColumnElement[Any]:
    """The value of an object, as a column of this type takes it."""
    if isinstance(kind, JSON):
        return cast("ColumnElement[Any]", value)
    return sql_cast(value.as_string(), kind) if isinstance(kind, Integer) else value.as_string()


# For `column.in_(GIVEN_IDS)`: any number of ids are one parameter, which `given_ids` makes. Hundreds of them
# take longer to write into a statement than to look up, and one that is always the same can stay prepared.
GIVEN_IDS: Select[tuple[str]] = select(
    json_rows(bindparam("ids", type_=String)).table_valued(column("value", JSON)).c.value["id"].as_string()
)


def given_ids(ids: Sequence[str]) -> dict[str, str]:
    """Make the parameter of a statement with `GIVEN_IDS`."""
    return {"ids": json.dumps([{"id": each} for each in ids])}
