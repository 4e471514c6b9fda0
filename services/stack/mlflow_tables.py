"""MLflow's tables, the statements that write a mirrored trial on them, and the rows that these take."""

from __future__ import annotations

import math
import sys
import uuid
from collections.abc import Iterable
from typing import Any

from mlflow.entities import LifecycleStage, SourceType
from mlflow.store.tracking.dbmodels import models
from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore
from mlflow.utils.uri import append_to_uri_path
from sqlalchemy import Table, bindparam, func, insert, select, update
from sqlalchemy.dialects import sqlite

MAX_FLOAT = sys.float_info.max  # in place of an infinity, as MLflow does it
SOURCE_TYPE = "cnnlab"  # of data sets
Row = dict[str, Any]


def _table(model: Any) -> Table:
    table: Table = model.__table__
    return table


RUNS, TAGS, PARAMS = _table(models.SqlRun), _table(models.SqlTag), _table(models.SqlParam)
METRICS, LATEST = _table(models.SqlMetric), _table(models.SqlLatestMetric)
EXPERIMENTS, DATA_SETS = _table(models.SqlExperiment), _table(models.SqlDataset)
INPUTS, INPUT_TAGS = _table(models.SqlInput), _table(models.SqlInputTag)
EXPERIMENT = select(EXPERIMENTS.c.artifact_location).where(
    EXPERIMENTS.c.experiment_id == bindparam("id"), EXPERIMENTS.c.lifecycle_stage == LifecycleStage.ACTIVE
)
RUN = select(RUNS.c.experiment_id).where(
    RUNS.c.run_uuid == bindparam("id"), RUNS.c.lifecycle_stage == LifecycleStage.ACTIVE
)
DATA_SET = select(DATA_SETS.c.dataset_uuid).where(
    DATA_SETS.c.experiment_id == bindparam("experiment"),
    DATA_SETS.c.name == bindparam("data_name"),
    DATA_SETS.c.digest == bindparam("data_digest"),
)
SET_STATUS = (
    update(RUNS)
    .where(RUNS.c.run_uuid == bindparam("id"), RUNS.c.lifecycle_stage == LifecycleStage.ACTIVE)
    .values(status=bindparam("new_status"), end_time=func.coalesce(bindparam("new_end"), RUNS.c.end_time))
    .returning(
        RUNS.c.run_uuid,
        RUNS.c.name,
        RUNS.c.experiment_id,
        RUNS.c.user_id,
        RUNS.c.status,
        RUNS.c.start_time,
        RUNS.c.end_time,
        RUNS.c.lifecycle_stage,
        RUNS.c.artifact_uri,
    )
)
RUNS_OF = select(RUNS.c.run_uuid).where(
    RUNS.c.run_uuid.in_(bindparam("ids", expanding=True)), RUNS.c.lifecycle_stage == LifecycleStage.ACTIVE
)
SET_STATUSES = (
    update(RUNS)
    .where(RUNS.c.run_uuid == bindparam("id"))
    .values(status=bindparam("new_status"), end_time=func.coalesce(bindparam("new_end"), RUNS.c.end_time))
)
KNOWN_LATEST = select(LATEST.c.key, LATEST.c.step, LATEST.c.timestamp, LATEST.c.value).where(
    LATEST.c.run_uuid == bindparam("id")
)
LATEST_OF = select(LATEST.c.run_uuid, LATEST.c.key, LATEST.c.step, LATEST.c.timestamp, LATEST.c.value).where(
    LATEST.c.run_uuid.in_(bindparam("ids", expanding=True))
)
INSERT_RUN, INSERT_PARAMS, INSERT_METRICS = insert(RUNS), insert(PARAMS), insert(METRICS)
INSERT_INPUT, INSERT_INPUT_TAGS, INSERT_TAGS = insert(INPUTS), insert(INPUT_TAGS), insert(TAGS)
INSERT_DATA_SET = insert(DATA_SETS)
ADD_METRICS = sqlite.insert(METRICS).on_conflict_do_nothing()  # equal points are kept once


def _insert_or_update(table: Table) -> Any:
    keys = [column.name for column in table.primary_key]
    new = sqlite.insert(table)
    rest = {column.name: new.excluded[column.name] for column in table.columns if column.name not in keys}
    return new.on_conflict_do_update(index_elements=keys, set_=rest)


SET_TAGS, SET_LATEST = _insert_or_update(TAGS), _insert_or_update(LATEST)


def run_row(
    experiment_id: str, location: str, user_id: str, start: int, name: str, status: str, end: int | None
) -> Row:
    """A new run, whose files are below the experiment's location."""
    run_id = uuid.uuid4().hex
    return {
        "run_uuid": run_id,
        "name": name,
        "source_type": SourceType.to_string(SourceType.UNKNOWN),
        "source_name": "",
        "entry_point_name": "",
        "user_id": user_id,
        "status": status,
        "start_time": start,
        "end_time": end,
        "deleted_time": None,
        "source_version": "",
        "lifecycle_stage": LifecycleStage.ACTIVE,
        "artifact_uri": append_to_uri_path(location, run_id, SqlAlchemyStore.ARTIFACTS_FOLDER_NAME),
        "experiment_id": int(experiment_id),
    }


def point_row(run_id: str, key: str, value: float, timestamp: int, step: int) -> Row:
    """A value of a metric; NaN and infinities as MLflow writes them."""
    is_nan = math.isnan(value)
    return {
        "key": key,
        "value": 0.0 if is_nan else max(-MAX_FLOAT, min(MAX_FLOAT, value)),
        "timestamp": timestamp,
        "step": step,
        "is_nan": is_nan,
        "run_uuid": run_id,
    }


def once(rows: Iterable[Row]) -> list[Row]:
    """Rows of metrics without those that are equal to an earlier one."""
    return list({tuple(row.values()): row for row in rows}.values())


def newer_rows(rows: Iterable[Row], latest: dict[tuple[str, str], tuple[Any, ...]]) -> list[Row]:
    """Of each run and metric the row with the greatest (step, time, value), if that is beyond the latest."""
    newer = {}
    for row in rows:
        of, rank = (row["run_uuid"], row["key"]), (row["step"], row["timestamp"], row["value"])
        if of not in latest or rank > latest[of]:
            latest[of], newer[of] = rank, row
    return list(newer.values())


def input_row(data_set: str, run_id: str) -> Row:
    """An edge from a data set to the run that was trained on it."""
    return {
        "input_uuid": uuid.uuid4().hex,
        "source_type": "DATASET",
        "source_id": data_set,
        "destination_type": "RUN",
        "destination_id": run_id,
    }


def data_set_row(experiment_id: str, name: str, digest: str, source: str) -> Row:
    """A data set of an experiment; `source` is JSON."""
    return {
        "dataset_uuid": uuid.uuid4().hex,
        "experiment_id": int(experiment_id),
        "name": name,
        "digest": digest,
        "dataset_source_type": SOURCE_TYPE,
        "dataset_source": source,
        "dataset_schema": None,
        "dataset_profile": None,
    }
