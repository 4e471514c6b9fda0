"""Several runs in one transaction: the database holds what MLflow would have written one after the other."""

from __future__ import annotations

import json
import math
import sqlite3
import warnings
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param, RunStatus, RunTag
from mlflow_rows import opened, rows
from sqlalchemy import event

from services.tracking.run_change import MetricPoint, NewRun, RunChange, TrainingData

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # MLflow's tables, of ways of SQLAlchemy
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    from services.stack import given_run, mlflow_store
    from services.stack.mlflow_store import MirrorStore

MNIST, OTHER = TrainingData("mnist", "abc", "{}"), TrainingData("mnist", "new", '{"fraction": 0.5}')
USUAL = RunChange(
    NewRun("1", "t002", 5, {"mlflow.user": "cnnlab", "trial.id": "a-1"}),
    [MetricPoint("val/loss", 0.5, 7, 1), MetricPoint("val/acc", 0.9, 7, 1)],
    {"lr": "0.1", "batch": "128"},
    {"trial.state": "succeeded"},
    MNIST,
    "FINISHED",
    11,
)


def new(name: str = "t003", **changes: Any) -> RunChange:
    return RunChange(**{**vars(USUAL), "run": NewRun("1", name, 6, {"mlflow.user": "cnnlab"}), **changes})


def points(*values: tuple[str, float, int, int]) -> list[MetricPoint]:
    return [MetricPoint(*value) for value in values]


def together(store: MirrorStore, changes: Sequence[RunChange]) -> list[str | None]:
    """Write changes as they come over the wire."""
    body = json.loads(json.dumps([change.as_json() for change in changes]))
    return store.write_runs([given_run.read(each) for each in body])


def one_by_one(store: Any, changes: Sequence[RunChange]) -> list[str | None]:
    """Write the same by the methods behind MLflow's own requests."""
    found: list[str | None] = []
    for change in changes:
        if isinstance(change.run, NewRun):
            run = change.run
            tags = [RunTag(*pair) for pair in run.tags.items()]
            run_id = store.create_run(run.experiment_id, "cnnlab", run.start, tags, run.name).info.run_id
        else:
            run_id = change.run
        if change.data:
            data = Dataset(change.data.name, change.data.digest, "cnnlab", change.data.source)
            store.log_inputs(run_id, [DatasetInput(data, [InputTag("mlflow.data.context", "training")])])
        metrics = [Metric(p.name, p.value, p.at, p.step) for p in change.points]
        params = [Param(*pair) for pair in change.params.items()]
        store.log_batch(run_id, metrics, params, [RunTag(*pair) for pair in change.tags.items()])
        if change.status:
            store.update_run_info(run_id, RunStatus.from_string(change.status), change.end, None)
        found.append(run_id)
    return found


Later = list[dict[str, Any]]  # what the first two runs get after they were made, as fields of a change
HAPPENS: dict[str, tuple[list[RunChange], Later]] = {
    "ended": ([USUAL, new(), new("t004", status="KILLED")], []),
    "running": (
        [new(status="RUNNING", end=None), new("t004", status="SCHEDULED", end=None)],
        [
            {"points": points(("val/loss", 0.25, 9, 2)), "tags": {"trial.state": "succeeded"}},
            {"points": points(("val/loss", 0.5, 9, 2)), "status": "RUNNING"},
            {"points": points(("val/loss", 0.125, 12, 3)), "status": "FINISHED", "end": 13},
            {"tags": {"point.ended": "true"}},
            {"status": "SCHEDULED"},  # a retried trial: its end stays until the next one
        ],
    ),
    "no finite values": (
        [
            new(points=points(("x", math.nan, 1, 1), ("y", math.inf, 1, 1), ("z", -math.inf, 1, 1))),
            new("t004", points=points(("x", 1.0, 1, 1))),
        ],
        [{"points": points(("x", 2.0, 1, 1), ("y", math.nan, 1, 1), ("z", math.nan, 1, 2))}] * 2,
    ),
    "the latest of several": (
        [
            new(points=points(("x", 3.0, 4, 2), ("x", 2.0, 5, 1), ("x", 2.5, 4, 2))),
            new("t004", points=points(("x", 1.0, 1, 1), ("x", 1.0, 1, 1))),
        ],
        [
            {"points": points(("x", 9.0, 9, 1), ("w", 1.0, 1, 0))},
            {"points": points(("x", 1.0, 1, 1), ("y", 1.0, 1, 1))},  # the first one is there already
            {"points": points(("x", 1.0, 5, 2), ("w", 1.0, 2, 0))},
        ],
    ),
    "a new data set": ([new(data=OTHER), new("t004", data=OTHER), new("t005", data=None)], []),
    "nothing": ([new(points=(), params={}, tags={}), new("t004", points=())], [{}]),
    "long texts": ([new(params={"p": "x" * 6001}, tags={"t": "y" * 9000}), USUAL], []),
}


@pytest.mark.parametrize("name", HAPPENS)
def test_the_database_holds_what_mlflow_would_have_written(name: str, empty: Path, tmp_path: Path) -> None:
    first, later = HAPPENS[name]
    found = []
    for kind, write in (SqlAlchemyStore, one_by_one), (MirrorStore, together):
        store = opened(kind, empty, tmp_path)
        cut = [cut_as_sent(change) for change in first]
        made = write(store, cut)  # type: ignore[operator]
        assert all(made)
        for place, fields in enumerate(later):
            run_id = made[place % 2]
            assert run_id is not None
            assert write(store, [RunChange(run_id, **fields)]) == [run_id]  # type: ignore[operator]
        store.engine.dispose()
        found.append(rows(tmp_path / f"{kind.__name__}.db"))
    assert found[0] == found[1]
    assert len(found[0]["runs"]) == 1 + len(first)


def cut_as_sent(change: RunChange) -> RunChange:
    """A change with its texts cut, as the client cuts them for either way."""
    sent = change.as_json()
    tags = {key: sent["tags"][key] for key in change.tags}
    return RunChange(**{**vars(change), "params": sent["params"], "tags": tags})


def test_mlflows_own_store_reads_what_was_written_together(empty: Path, tmp_path: Path) -> None:
    store = opened(MirrorStore, empty, tmp_path)
    (run_id,) = together(store, [USUAL])
    run = SqlAlchemyStore(f"sqlite:///{tmp_path}/MirrorStore.db", "mlflow-artifacts:/").get_run(run_id)
    assert run.info.artifact_uri == f"mlflow-artifacts:/1/{run_id}/artifacts"
    assert (run.info.run_name, run.info.status, run.info.end_time) == ("t002", "FINISHED", 11)
    assert run.data.metrics == {"val/loss": 0.5, "val/acc": 0.9}
    assert run.data.tags["mlflow.runName"] == "t002"
    assert [each.dataset.digest for each in run.inputs.dataset_inputs] == ["abc"]
    store.engine.dispose()


def test_what_is_unusual_is_left_out_and_the_rest_is_written(empty: Path, tmp_path: Path) -> None:
    store = opened(MirrorStore, empty, tmp_path)
    made = together(store, [USUAL])[0]
    assert made is not None
    store.delete_run(made)
    before = rows(tmp_path / "MirrorStore.db")
    elsewhere = NewRun("77", "t", 5, {})
    odd = [
        RunChange(made, points(("x", 1.0, 1, 1))),  # deleted
        RunChange("f" * 32, tags={"a": "1"}),
        RunChange(elsewhere, status="FINISHED"),
        RunChange(made, params={"lr": "0.2"}),
        RunChange(NewRun("1", "bad", 5, {"mlflow.runName": "other"}), status="FINISHED"),
        RunChange(NewRun("1", "bad", 5, {}), points(("bad\nname", 1.0, 1, 1)), status="FINISHED"),
    ]
    assert together(store, odd) == [None] * len(odd)
    assert rows(tmp_path / "MirrorStore.db") == before
    found = together(store, [odd[0], USUAL, odd[5]])
    assert [each is None for each in found] == [True, False, True]
    store.engine.dispose()
    assert len(rows(tmp_path / "MirrorStore.db")["runs"]) == 3


def test_of_a_transaction_that_fails_nothing_is_written(
    empty: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mlflow_store, "PRAGMAS", {**mlflow_store.PRAGMAS, "busy_timeout": "1"})
    store = opened(MirrorStore, empty, tmp_path)
    with closing(sqlite3.connect(tmp_path / "MirrorStore.db")) as other:
        other.execute("BEGIN IMMEDIATE")
        assert together(store, [USUAL, new()]) == [None, None]
    assert all(together(store, [USUAL, new()]))
    store.engine.dispose()
    assert len(rows(tmp_path / "MirrorStore.db")["runs"]) == 3


def test_a_failure_in_the_middle_leaves_nothing(empty: Path, tmp_path: Path) -> None:
    store = opened(MirrorStore, empty, tmp_path)
    before = rows(tmp_path / "MirrorStore.db")
    with store.engine.connect() as connection, connection.begin():
        connection.exec_driver_sql(
            "CREATE TRIGGER full BEFORE INSERT ON input_tags BEGIN SELECT RAISE(ABORT, 'full'); END"
        )
    assert together(store, [USUAL, new()]) == [None, None]
    store.engine.dispose()
    assert rows(tmp_path / "MirrorStore.db") == before


def test_it_waits_for_the_disk_once(empty: Path, tmp_path: Path) -> None:
    store, waits = opened(MirrorStore, empty, tmp_path), []

    def note(connection: Any) -> None:
        level = connection.connection.driver_connection.execute("PRAGMA synchronous").fetchone()
        waits.append(level == (2,))

    event.listen(store.engine, "commit", note)
    together(store, [USUAL, new(), new("t004")])
    store.engine.dispose()
    assert waits == [True]
