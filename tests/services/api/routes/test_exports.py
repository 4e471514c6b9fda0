"""Trials and curves as files that spreadsheets and programs read back."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from fastapi.testclient import TestClient
from paper_sweep import fill, report, take, trials_of, write_sweep
from sqlalchemy import insert

from benchmarks.tables import drawing
from services.api import export_tables
from services.domain.retry import Failure
from services.domain.states import TrialState
from services.store import endings, sweeps
from services.store.models import Report
from services.store.session import Store


def finished(store: Store, **changes: Any) -> str:
    """A sweep with two epochs of each trial, one of which diverged in the second."""
    sweep_id = write_sweep(store, **changes)
    held = take(store, fill(store, sweep_id))
    ids = [trial.id for trial in trials_of(store, sweep_id)]
    report(store, held, 1, ids)
    odd = {"val/acc": float("nan"), "train/loss": float("inf"), "test/acc": -float("inf")}
    plain = {"val/acc": 0.75, "train/loss": 0.5}
    report(store, held, 2, ids, {trial_id: odd if trial_id == ids[1] else plain for trial_id in ids})
    error = {"kind": Failure.DIVERGED, "message": '=HYPERLINK("x"), and\na line'}
    store.write(lambda s: endings.end_trial(s, held, ids[1], TrialState.FAILED, failure=error))
    return sweep_id


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_trials_as_csv(api: TestClient, store: Store) -> None:
    sweep_id = finished(store, name="my sweep v1.0")
    answer = api.get(f"/v1/sweeps/{sweep_id}/export/trials")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    name = f"my-sweep-v1.0-{sweep_id}-trials.csv"
    whole = f"UTF-8''my%20sweep%20v1.0-{sweep_id}-trials.csv"
    assert answer.headers["content-disposition"] == f'attachment; filename="{name}"; filename*={whole}'
    table = rows(answer.text)
    found = trials_of(store, sweep_id)
    assert [row["trial"] for row in table] == [trial.id for trial in found]
    assert [row["number"] for row in table] == [str(trial.number) for trial in found]
    axes = api.get(f"/v1/sweeps/{sweep_id}").json()["axes"]
    for axis in axes:
        assert [row[axis["path"]] for row in table] == [
            export_tables.cell(t.values[axis["path"]]) for t in found
        ]
    assert (table[1]["state"], table[1]["failure"]) == ("failed", "diverged")
    assert table[1]["message"] == '\'=HYPERLINK("x"), and\na line'
    assert (table[0]["last_value"], table[1]["last_value"], table[0]["epochs"]) == ("0.75", "", "2")


def test_trials_as_json(api: TestClient, store: Store) -> None:
    sweep_id = finished(store)
    answer = api.get(f"/v1/sweeps/{sweep_id}/export/trials?format=json")
    assert answer.headers["content-type"] == "application/json"
    table, found = answer.json(), trials_of(store, sweep_id)
    assert [(row["trial"], row["seed"]) for row in table] == [(trial.id, trial.seed) for trial in found]
    assert table[0].items() >= found[0].values.items()
    assert table[0]["started_at"].endswith("Z")
    assert table[0]["finished_at"] is None


def test_curves(api: TestClient, store: Store) -> None:
    sweep_id = finished(store)
    path = f"/v1/sweeps/{sweep_id}/export/curves"
    table, document = rows(api.get(path).text), api.get(path, params={"format": "json"}).json()
    count = len(trials_of(store, sweep_id))
    assert [(row["number"], row["epoch"]) for row in table] == [
        (str(number), str(epoch)) for number in range(count) for epoch in (1, 2)
    ]
    assert [(row["number"], row["epoch"]) for row in document] == [
        (number, epoch) for number in range(count) for epoch in (1, 2)
    ]
    assert (table[1]["val/acc"], table[1]["test/acc"]) == ("0.75", "")
    assert [table[3][name] for name in ("val/acc", "train/loss", "test/acc")] == ["nan", "inf", "-inf"]
    assert (document[3]["test/acc"], document[1]["test/acc"]) == ("-inf", None)


def test_a_table_is_read_in_pages_that_lose_nothing(
    sqlite_api: TestClient, sqlite_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export_tables, "ROWS_PER_READ", 3)
    sweep_id = finished(sqlite_store)
    count = len(trials_of(sqlite_store, sweep_id))
    for table, length in (("trials", count), ("curves", 2 * count)):
        path = f"/v1/sweeps/{sweep_id}/export/{table}"
        assert len(rows(sqlite_api.get(path).text)) == length
        assert len(sqlite_api.get(path, params={"format": "json"}).json()) == length


def test_a_sweep_without_trials_has_empty_tables(sqlite_api: TestClient, sqlite_store: Store) -> None:
    path = f"/v1/sweeps/{write_sweep(sqlite_store)}/export"
    for table in ("trials", "curves"):
        assert sqlite_api.get(f"{path}/{table}?format=json").json() == []
        [header] = sqlite_api.get(f"{path}/{table}").text.splitlines()
        assert header.startswith("trial,number,point,replicate")


def test_an_unknown_format_and_an_unknown_sweep(sqlite_api: TestClient, sqlite_store: Store) -> None:
    path = f"/v1/sweeps/{write_sweep(sqlite_store)}/export/trials?format=xlsx"
    assert "'csv' or 'json'" in sqlite_api.get(path).json()["detail"]
    assert sqlite_api.get("/v1/sweeps/nobody/export/curves").status_code == 404


def test_a_metric_that_comes_up_late_is_in_json_and_named_in_the_log(
    sqlite_api: TestClient,
    sqlite_store: Store,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    sweep_id = write_sweep(sqlite_store)
    held = take(sqlite_store, fill(sqlite_store, sweep_id))
    ids = [trial.id for trial in trials_of(sqlite_store, sweep_id)]
    metrics = {trial_id: {"val/acc": 0.5} for trial_id in ids}
    report(sqlite_store, held, 1, ids, metrics | {ids[0]: {"early": 1.0}, ids[-1]: {"late": 2.0}})
    monkeypatch.setattr(export_tables, "ROWS_PER_READ", 2)
    path = f"/v1/sweeps/{sweep_id}/export/curves"
    document = sqlite_api.get(path, params={"format": "json"}).json()
    assert (document[0]["early"], document[0]["val/acc"], document[-1]["late"]) == (1.0, None, 2.0)
    table = rows(sqlite_api.get(path).text)
    assert [row["early"] for row in table] == ["1.0", "", "", ""]
    assert "late" not in table[0]
    assert "no columns for late" in caplog.text


def test_the_columns_of_curves_are_there_before_the_first_report(
    sqlite_api: TestClient, sqlite_store: Store
) -> None:
    [header] = sqlite_api.get(f"/v1/sweeps/{write_sweep(sqlite_store)}/export/curves").text.splitlines()
    assert {"train/loss", "val/acc", "lr"} <= set(header.split(","))


@pytest.mark.parametrize("table", ["trials", "curves"])
def test_folds_have_a_column(api: TestClient, store: Store, table: str) -> None:
    sweep_id = write_sweep(store, data={"name": "paper", "folds": 2}, seeds=2, space={})
    store.write(lambda session: drawing.draw(session, sweeps.lock(session, sweep_id), 1000))
    ids = [trial.id for trial in trials_of(store, sweep_id)]
    with store.engine.begin() as connection:
        report = {"epoch": 1, "pack_id": "p", "at": 0, "metrics": {"val/acc": 0.5}}
        connection.execute(insert(Report), [{"trial_id": each, **report} for each in ids])
    path = f"/v1/sweeps/{sweep_id}/export/{table}"
    written, document = rows(api.get(path).text), api.get(path, params={"format": "json"}).json()
    folds = [(row["replicate"], row["fold"]) for row in document]
    assert folds == [(0, 0), (1, 1), (2, 0), (3, 1)]
    assert [(int(row["replicate"]), int(row["fold"])) for row in written] == folds
    shown = api.get(f"/v1/sweeps/{sweep_id}/trials").json()["trials"]
    assert [(trial["replicate"], trial["fold"]) for trial in shown] == folds


@pytest.mark.parametrize("table", ["trials", "curves"])
def test_without_folds_there_is_no_such_column(api: TestClient, store: Store, table: str) -> None:
    path = f"/v1/sweeps/{finished(store)}/export/{table}"
    assert "fold" not in rows(api.get(path).text)[0]
    assert "fold" not in api.get(path, params={"format": "json"}).json()[0]
