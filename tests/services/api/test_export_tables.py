"""Tables as CSV and JSON: every cell in its column, whatever the number of rows."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from paper_catalog import paper_plan, paper_spec

from services.api import export_tables
from services.store.models import Sweep

ROWS: list[dict[str, Any]] = [{"a": 1, "b": 'x,\n"y"'}, {"a": None}, {"b": "é", "c": "not a column"}]


def joined(parts: Any) -> str:
    return b"".join(parts).decode()


@pytest.mark.parametrize("batch", [1, 2, 3, 500])
def test_rows_come_back_from_both_formats(batch: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export_tables, "ROWS_PER_READ", batch)
    table = list(csv.DictReader(io.StringIO(joined(export_tables.written(["a", "b"], ROWS, "csv")))))
    assert table == [{"a": "1", "b": 'x,\n"y"'}, {"a": "", "b": ""}, {"a": "", "b": "é"}]
    document = json.loads(joined(export_tables.written(["a", "b"], ROWS, "json")))
    assert document == [{"a": 1, "b": 'x,\n"y"'}, {"a": None, "b": None}, {"a": None, "b": "é"}]


def test_no_rows() -> None:
    assert joined(export_tables.written(["a", "b"], [], "csv")) == "a,b\r\n"
    assert json.loads(joined(export_tables.written(["a", "b"], [], "json"))) == []


def test_the_columns_of_trials_hold_the_axes() -> None:
    plan = paper_plan(paper_spec())
    columns = export_tables.trial_columns(plan)
    assert [axis.path for axis in plan.axes] == [
        name
        for name in columns
        if name not in export_tables.COLUMNS_BEFORE_AXES + export_tables.COLUMNS_AFTER_AXES
    ]
    assert (columns[0], columns[-1]) == ("trial", "reused_from")


def test_a_file_name_has_only_safe_characters() -> None:
    sweep = Sweep(id="abc", name="a b/c..é")
    assert export_tables.filename(sweep, "trials", "csv") == "a-b-c-abc-trials.csv"
    assert export_tables.unicode_filename(sweep, "trials", "csv") == "a b-c..é-abc-trials.csv"
    hidden = Sweep(id="abc", name="../学")
    assert export_tables.filename(hidden, "trials", "csv") == "abc-trials.csv"
    assert export_tables.unicode_filename(hidden, "trials", "csv") == "学-abc-trials.csv"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("=1+1", "'=1+1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("+a", "'+a"),
        ("-a", "'-a"),
        ("\t=1", "'\t=1"),
        ("-1e3", "-1e3"),
        ("-inf", "-inf"),
        (-0.5, "-0.5"),
        (float("-inf"), "-inf"),
        (None, ""),
        (True, "true"),
        ({"name": "adam"}, '{"name": "adam"}'),
        ("relu", "relu"),
    ],
)
def test_a_cell(value: object, text: str) -> None:
    assert export_tables.cell(value) == text


@given(st.text(max_size=20))
def test_no_cell_is_a_formula(text: str) -> None:
    shown = export_tables.cell(text)
    assert not shown.startswith(("=", "@", "\t", "\r"))
    if shown.startswith(("+", "-")):
        float(shown)
