"""Two stores of MLflow on copies of one database, and all rows that they wrote, for comparison."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

TABLES = (
    "runs",
    "tags",
    "params",
    "metrics",
    "latest_metrics",
    "datasets",
    "inputs",
    "input_tags",
    "logged_model_metrics",
)
RANDOM = {"runs": "run_uuid", "datasets": "dataset_uuid", "inputs": "input_uuid", "logged_models": "model_id"}


def opened(kind: type[Any], empty: Path, folder: Path) -> Any:
    """A store of this class on a copy of a database."""
    path = Path(shutil.copy(empty, folder / f"{kind.__name__}.db"))
    return kind(f"sqlite:///{path}", "mlflow-artifacts:/")


def rows(path: Path) -> dict[str, list[Any]]:
    """All rows of each table, with numbers in place of random ids and no time of deletion."""
    with closing(sqlite3.connect(path)) as database:
        ids: dict[str, str] = {}
        database.execute("UPDATE runs SET deleted_time = 1 WHERE deleted_time IS NOT NULL")
        for table, column in RANDOM.items():
            for (each,) in database.execute(f"SELECT {column} FROM {table} ORDER BY rowid"):
                ids[each] = f"{table} {len(ids)}"
        found = {}
        for table in TABLES:
            each_row = database.execute(f"SELECT * FROM {table}").fetchall()
            found[table] = sorted(repr([anonymous(cell, *ids, into=ids) for cell in row]) for row in each_row)
    return found


def anonymous(value: Any, *ids: str, into: dict[str, str] | None = None) -> str:
    """A value as text without random ids."""
    text = repr(value)
    for each in ids:
        text = text.replace(each, (into or {}).get(each, "run"))
    return text
