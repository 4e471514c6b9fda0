"""MLflow's SQL store, with the four requests that a mirrored trial makes in plain statements.

MLflow makes an object of each tag, param and metric, and three sessions of a batch. Here a request is one
transaction of a few statements on MLflow's own tables. What is not of the usual kind, exists already or fails
is left to MLflow's own method, from the beginning.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
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
)
from mlflow.store.db.utils import _get_managed_session_maker
from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore
from mlflow.utils import validation
from mlflow.utils.mlflow_tags import MLFLOW_RUN_NAME
from sqlalchemy import Connection, event
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import sessionmaker

from services.stack import brief_runs, run_batch
from services.stack.given_run import GivenRun
from services.stack.mlflow_tables import (
    DATA_SET,
    EXPERIMENT,
    INSERT_INPUT,
    INSERT_INPUT_TAGS,
    INSERT_METRICS,
    INSERT_PARAMS,
    INSERT_RUN,
    INSERT_TAGS,
    KNOWN_LATEST,
    RUN,
    SET_LATEST,
    SET_STATUS,
    SET_TAGS,
    input_row,
    newer_rows,
    once,
    point_row,
    run_row,
)

log = logging.getLogger(__name__)
# MLflow sets them at the begin of each session.
PRAGMAS = {"foreign_keys": "ON", "busy_timeout": "20000", "case_sensitive_like": "true"}
T = TypeVar("T")


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

    def write_runs(self, given: Sequence[GivenRun | None]) -> list[str | None]:
        """Write several runs, each with all that it gets, in one transaction.

        Returns the id of each, None of those that were left out: of them nothing is written.
        """
        try:
            with self.engine.connect() as connection, connection.begin():
                return run_batch.write(connection, given)
        except SQLAlchemyError as error:
            log.warning("%d runs were not written together: %s", len(given), error)
            return [None] * len(given)

    def find_runs(self, experiment_id: int, tags: Mapping[str, str], shown: str) -> list[dict[str, Any]]:
        """Find the runs of an experiment with all of these tags, without what they show but one tag."""
        with self.engine.connect() as connection:
            return brief_runs.find(connection, experiment_id, tags, shown)

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
    location = _only(connection, EXPERIMENT, id=int(experiment_id))
    run = run_row(experiment_id, location, user_id, start, name, RunStatus.to_string(RunStatus.RUNNING), None)
    run_id, files = run["run_uuid"], run["artifact_uri"]
    connection.execute(INSERT_RUN, run)
    tags = [*tags, RunTag(MLFLOW_RUN_NAME, name)]
    connection.execute(INSERT_TAGS, [_row(tag, run_id) for tag in tags])
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
    rows = connection.execute(SET_STATUS, changed).all()
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
    _only(connection, RUN, id=run_id)
    if params:  # of one that is there already MLflow compares the value
        connection.execute(INSERT_PARAMS, [_row(param, run_id) for param in params])
    if metrics:
        _log_metrics(connection, run_id, metrics)
    if tags:
        connection.execute(SET_TAGS, [_row(tag, run_id) for tag in tags])


def _log_metrics(connection: Connection, run_id: str, metrics: Sequence[Metric]) -> None:
    """Write metrics and, for each, the latest: of the greatest (step, time, value)."""
    rows = once(
        point_row(run_id, metric.key, metric.value, metric.timestamp, metric.step) for metric in metrics
    )
    connection.execute(INSERT_METRICS, rows)
    # Read after the first write, behind which no other process writes until the commit.
    known = connection.execute(KNOWN_LATEST, {"id": run_id})
    if newer := newer_rows(rows, {(run_id, key): tuple(rank) for key, *rank in known}):
        connection.execute(SET_LATEST, newer)


def _log_data(
    connection: Connection, run_id: str, data: list[DatasetInput] | None, logged: Sequence[Any] | None
) -> None:
    validation._validate_run_id(run_id)
    if not data or len(data) > 1 or logged:
        raise _Unusual
    validation._validate_dataset_inputs(data)
    (given,) = data
    experiment = _only(connection, RUN, id=run_id)
    source = _only(
        connection,
        DATA_SET,
        experiment=experiment,
        data_name=given.dataset.name,
        data_digest=given.dataset.digest,
    )
    edge = input_row(source, run_id)
    connection.execute(INSERT_INPUT, edge)
    if given.tags:
        tags = [{"input_uuid": edge["input_uuid"], "name": tag.key, "value": tag.value} for tag in given.tags]
        connection.execute(INSERT_INPUT_TAGS, tags)


def _row(pair: Param | RunTag, run_id: str) -> dict[str, str]:
    return {"key": pair.key, "value": pair.value, "run_uuid": run_id}
