"""Rows out of one JSON parameter: an INSERT of thousands of rows is then one statement."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import JSON, BindParameter, Select, bindparam, column, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement


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


def among(ids: Sequence[str]) -> Select[tuple[str]]:
    """These ids as rows, for `column.in_(among(ids))`.

    They are one parameter: hundreds of them take longer to write into a statement than to look up, and a
    statement that is the same for any number of them can stay prepared.
    """
    given: BindParameter[str] = bindparam("ids", json.dumps([{"id": each} for each in ids]), unique=True)
    return select(json_rows(given).table_valued(column("value", JSON)).c.value["id"].as_string())
