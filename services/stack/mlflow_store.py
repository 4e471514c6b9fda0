"""MLflow's SQL store, with the four requests that a mirrored trial makes in plain statements.

MLflow makes an object of each tag, param and metric, and three sessions of a batch. Here a request is one
transaction of a few statements on MLflow's own tables. What is not of the usual kind, exists already or fails
is left to MLflow's own method, from the beginning.
"""

from __future__ import annotations

import math
import sys
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from mlflow.entities import (
    DatasetInput,
    LifecycleStage,
    Metric,
    Param,
    Run,
    RunData,
    RunInfo,
    RunInputs,
    RunStatus,
    RunTag,
    SourceType,
)
from mlflow.store.db.utils import _get_managed_session_maker
from mlflow.store.tracking.dbmodels import models
from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore
from mlflow.utils import validation
from mlflow.utils.mlflow_tags import MLFLOW_RUN_NAME
from mlflow.utils.uri import append_to_uri_path
from sqlalchemy import Connection, Table, bindparam, event, func, insert, select, update
from sqlalchemy.dialects import sqlite
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import sessionmaker

# MLflow sets them at the begin of each session.
PRAGMAS = {"foreign_keys": "ON", "busy_timeout": "20000", "case_sensitive_like": "true"}
MAX_FLOAT = sys.float_info.max  # in place of an infinity, as MLflow does it
T = TypeVar("T")


def _table(model: Any) -> Table:
    table: Table = model.__table__
    return table


_RUNS, _TAGS, _PARAMS = _table(models.SqlRun), _table(models.SqlTag), _table(models.SqlParam)
_METRICS, _LATEST = _table(models.SqlMetric), _table(models.SqlLatestMetric)
_EXPERIMENTS, _DATA_SETS = _table(models.SqlExperiment), _table(models.SqlDataset)
_INPUTS, _INPUT_TAGS = _table(models.SqlInput), _table(models.SqlInputTag)
_EXPERIMENT = select(_EXPERIMENTS.c.artifact_location).where(
    _EXPERIMENTS.c.experiment_id == bindparam("id"), _EXPERIMENTS.c.lifecycle_stage == LifecycleStage.ACTIVE
)
_RUN = select(_RUNS.c.experiment_id).where(
    _RUNS.c.run_uuid == bindparam("id"), _RUNS.c.lifecycle_stage == LifecycleStage.ACTIVE
)
_DATA_SET = select(_DATA_SETS.c.dataset_uuid).where(
    _DATA_SETS.c.experiment_id == bindparam("experiment"),
    _DATA_SETS.c.name == bindparam("data_name"),
    _DATA_SETS.c.digest == bindparam("data_digest"),
)
_SET_STATUS = (
    update(_RUNS)
    .where(_RUNS.c.run_uuid == bindparam("id"), _RUNS.c.lifecycle_stage == LifecycleStage.ACTIVE)
    .values(status=bindparam("new_status"), end_time=func.coalesce(bindparam("new_end"), _RUNS.c.end_time))
    .returning(
        _RUNS.c.run_uuid,
        _RUNS.c.name,
        _RUNS.c.experiment_id,
        _RUNS.c.user_id,
        _RUNS.c.status,
        _RUNS.c.start_time,
        _RUNS.c.end_time,
        _RUNS.c.lifecycle_stage,
        _RUNS.c.artifact_uri,
    )
)
_KNOWN_LATEST = select(_LATEST.c.key, _LATEST.c.step, _LATEST.c.timestamp, _LATEST.c.value).where(
    _LATEST.c.run_uuid == bindparam("id")
)
_INSERT_RUN, _INSERT_PARAMS, _INSERT_METRICS = insert(_RUNS), insert(_PARAMS), insert(_METRICS)
_INSERT_INPUT, _INSERT_INPUT_TAGS, _INSERT_TAGS = insert(_INPUTS), insert(_INPUT_TAGS), insert(_TAGS)


def _insert_or_update(table: Table) -> Any:
    keys = [column.name for column in table.primary_key]
    new = sqlite.insert(table)
    rest = {column.name: new.excluded[column.name] for column in table.columns if column.name not in keys}
    return new.on_conflict_do_update(index_elements=keys, set_=rest)


_SET_TAGS, _SET_LATEST = _insert_or_update(_TAGS), _insert_or_update(_LATEST)


class _Unusual(Exception):
    """MLflow's own method decides."""


class MirrorStore(SqlAlchemyStore):
    """MLflow's store on SQLite."""

    def __init__(self, store_uri: str, artifact_uri: str) -> None:
        super().__init__(store_uri, artifact_uri)  # type: ignore[no-untyped-call]
        event.listen(self.engine, "connect", _set_pragmas)
        self.engine.dispose()  # the connections that lack them
        self.ManagedSessionMaker = _get_managed_session_maker(sessionmaker(bind=self.engine), db_type="")

    def create_run(
        self, experiment_id: str, user_id: str, start_time: int, tags: list[RunTag], run_name: str
    ) -> Run:
        """Create a run."""
        own: Callable[..., Any] = super().create_run
        return self._either(_create_run, own, experiment_id, user_id, start_time, tags, run_name, waits=False)

    def update_run_info(
        self, run_id: str, run_status: int | None, end_time: int | None, run_name: str | None
    ) -> RunInfo:
        """Set a run's status, end or name."""
        own: Callable[..., Any] = super().update_run_info
        return self._either(_set_status, own, run_id, run_status, end_time, run_name)

    def log_batch(self, run_id: str, metrics: list[Metric], params: list[Param], tags: list[RunTag]) -> None:
        """Write metrics, params and tags."""
        own: Callable[..., Any] = super().log_batch
        self._either(_log_batch, own, run_id, metrics, params, tags)

    def log_inputs(
        self, run_id: str, datasets: list[DatasetInput] | None = None, models: list[Any] | None = None
    ) -> None:
        """Record what a run was trained on."""
        own: Callable[..., Any] = super().log_inputs
        self._either(_log_data, own, run_id, datasets, models, waits=False)

    def _either(self, plain: Callable[..., T], own: Callable[..., Any], *given: Any, waits: bool = True) -> T:
        """Write plainly, or by MLflow's own method; `waits` for the disk, as MLflow does.

        What need not wait is on the disk when a later request has waited.
        """
        try:
            with self.engine.connect() as connection, _synchronous(connection, waits), connection.begin():
                return plain(connection, *given)
        except (_Unusual, SQLAlchemyError):
            made: T = own(*given)
            return made


@contextmanager
def _synchronous(connection: Connection, waits: bool) -> Iterator[None]:
    """Have commits of a connection wait for the disk or not; nobody else can write while one waits."""
    if waits:
        yield
        return
    # Of the driver's connection: one of SQLAlchemy's would begin a transaction, in which it cannot be set.
    driver = connection.connection.driver_connection
    assert driver is not None
    driver.execute("PRAGMA synchronous=NORMAL")
    try:
        yield
    finally:
        driver.execute("PRAGMA synchronous=FULL")


def _set_pragmas(connection: Any, _: Any) -> None:
    for name, value in PRAGMAS.items():
        connection.execute(f"PRAGMA {name}={value}")


def _only(connection: Connection, query: Any, **values: Any) -> Any:
    """The first column of the one row there should be; a row that is missing is MLflow's to explain."""
    rows = connection.execute(query, values).all()
    if len(rows) != 1:
        raise _Unusual
    return rows[0][0]


def _create_run(
    connection: Connection, experiment_id: str, user_id: str, start: int, tags: Sequence[RunTag], name: str
) -> Run:
    if not name or not experiment_id.isdecimal() or any(tag.key == MLFLOW_RUN_NAME for tag in tags):
        raise _Unusual
    location = _only(connection, _EXPERIMENT, id=int(experiment_id))
    run_id = uuid.uuid4().hex
    files = append_to_uri_path(location, run_id, SqlAlchemyStore.ARTIFACTS_FOLDER_NAME)
    run = {
        "run_uuid": run_id,
        "name": name,
        "source_type": SourceType.to_string(SourceType.UNKNOWN),
        "source_name": "",
        "entry_point_name": "",
        "user_id": user_id,
        "status": RunStatus.to_string(RunStatus.RUNNING),
        "start_time": start,
        "end_time": None,
        "deleted_time": None,
        "source_version": "",
        "lifecycle_stage": LifecycleStage.ACTIVE,
        "artifact_uri": files,
        "experiment_id": int(experiment_id),
    }
    connection.execute(_INSERT_RUN, run)
    tags = [*tags, RunTag(MLFLOW_RUN_NAME, name)]
    connection.execute(_INSERT_TAGS, [_row(tag, run_id) for tag in tags])
    info = RunInfo(
        run_id, experiment_id, user_id, run["status"], start, None, LifecycleStage.ACTIVE, files, name
    )
    return Run(info, RunData(tags=tags), RunInputs([]))


def _set_status(
    connection: Connection, run_id: str, status: int | None, end: int | None, name: str | None
) -> RunInfo:
    if status is None or name:
        raise _Unusual
    changed = {"id": run_id, "new_status": RunStatus.to_string(status), "new_end": end}
    rows = connection.execute(_SET_STATUS, changed).all()
    if len(rows) != 1 or not rows[0].name:
        raise _Unusual
    run = rows[0]
    return RunInfo(
        run.run_uuid,
        str(run.experiment_id),
        run.user_id,
        run.status,
        run.start_time,
        run.end_time,
        run.lifecycle_stage,
        run.artifact_uri,
        run.name,
    )


def _log_batch(
    connection: Connection,
    run_id: str,
    metrics: Sequence[Metric],
    params: Sequence[Param],
    tags: Sequence[RunTag],
) -> None:
    validation._validate_run_id(run_id)
    metrics, params, tags = validation._validate_batch_log_data(metrics, params, tags)
    validation._validate_batch_log_limits(metrics, params, tags)
    validation._validate_param_keys_unique(params)
    if any(metric.model_id for metric in metrics) or any(tag.key == MLFLOW_RUN_NAME for tag in tags):
        raise _Unusual
    _only(connection, _RUN, id=run_id)
    if params:  # of one that is there already MLflow compares the value
        connection.execute(_INSERT_PARAMS, [_row(param, run_id) for param in params])
    if metrics:
        _log_metrics(connection, run_id, metrics)
    if tags:
        connection.execute(_SET_TAGS, [_row(tag, run_id) for tag in tags])


def _log_metrics(connection: Connection, run_id: str, metrics: Sequence[Metric]) -> None:
    """Write metrics and, for each, the latest: of the greatest (step, time, value)."""
    rows = {}
    for metric in metrics:
        is_nan = math.isnan(metric.value)
        value = 0.0 if is_nan else max(-MAX_FLOAT, min(MAX_FLOAT, metric.value))
        rows[metric.key, metric.step, metric.timestamp, value, is_nan] = {
            "key": metric.key,
            "value": value,
            "timestamp": metric.timestamp,
            "step": metric.step,
            "is_nan": is_nan,
            "run_uuid": run_id,
        }
    connection.execute(_INSERT_METRICS, list(rows.values()))
    # Read after the first write, behind which no other process writes until the commit.
    latest = {key: rank for key, *rank in connection.execute(_KNOWN_LATEST, {"id": run_id})}
    newer = {}
    for (key, *rank, _), row in rows.items():
        if key not in latest or rank > latest[key]:
            latest[key], newer[key] = rank, row
    if newer:
        connection.execute(_SET_LATEST, list(newer.values()))


def _log_data(
    connection: Connection, run_id: str, data: list[DatasetInput] | None, logged: Sequence[Any] | None
) -> None:
    validation._validate_run_id(run_id)
    if not data or len(data) > 1 or logged:
        raise _Unusual
    validation._validate_dataset_inputs(data)
    (given,) = data
    experiment = _only(connection, _RUN, id=run_id)
    source = _only(
        connection,
        _DATA_SET,
        experiment=experiment,
        data_name=given.dataset.name,
        data_digest=given.dataset.digest,
    )
    edge = {
        "input_uuid": uuid.uuid4().hex,
        "source_type": "DATASET",
        "source_id": source,
        "destination_type": "RUN",
        "destination_id": run_id,
    }
    connection.execute(_INSERT_INPUT, edge)
    if given.tags:
        tags = [{"input_uuid": edge["input_uuid"], "name": tag.key, "value": tag.value} for tag in given.tags]
        connection.execute(_INSERT_INPUT_TAGS, tags)


def _row(pair: Param | RunTag, run_id: str) -> dict[str, str]:
    return {"key": pair.key, "value": pair.value, "run_uuid": run_id}
