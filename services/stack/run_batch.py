"""Several runs in one transaction: a few statements for all of them, on MLflow's tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from mlflow.utils.mlflow_tags import MLFLOW_RUN_NAME
from sqlalchemy import Connection

from services.stack.given_run import GivenData, GivenRun, RunToMake
from services.stack.mlflow_tables import (
    ADD_METRICS,
    DATA_SET,
    EXPERIMENT,
    INSERT_DATA_SET,
    INSERT_INPUT,
    INSERT_INPUT_TAGS,
    INSERT_PARAMS,
    INSERT_RUN,
    LATEST_OF,
    RUNS_OF,
    SET_LATEST,
    SET_STATUSES,
    SET_TAGS,
    Row,
    data_set_row,
    input_row,
    newer_rows,
    once,
    point_row,
    run_row,
)

TRAINING = {"name": "mlflow.data.context", "value": "training"}


@dataclass
class _Batch:
    """The rows of all runs, and what they refer to."""

    connection: Connection
    active: set[str]  # known runs that are there and not deleted
    locations: dict[str, str | None] = field(default_factory=dict)  # of experiments, None if there is none
    data_sets: dict[tuple[str, str, str], str] = field(default_factory=dict)
    runs: list[Row] = field(default_factory=list)
    statuses: list[Row] = field(default_factory=list)
    params: list[Row] = field(default_factory=list)
    tags: list[Row] = field(default_factory=list)
    metrics: list[Row] = field(default_factory=list)
    new_data_sets: list[Row] = field(default_factory=list)
    inputs: list[Row] = field(default_factory=list)

    def add(self, given: GivenRun) -> str | None:
        """Add the rows of a run; returns its id, or None if it or its experiment is missing or deleted."""
        if isinstance(given.run, RunToMake):
            run_id = self._create(given, given.run)
        else:
            run_id = self._go_on(given, given.run)
        if run_id is None:
            return None
        self.metrics += [point_row(run_id, *point) for point in given.metrics]
        self.tags += _pairs(run_id, given.tags)
        return run_id

    def _create(self, given: GivenRun, new: RunToMake) -> str | None:
        location = self._location(new.experiment_id)
        if location is None or given.status is None:
            return None
        run = run_row(new.experiment_id, location, new.user_id, new.start, new.name, given.status, given.end)
        run_id: str = run["run_uuid"]
        self.runs.append(run)
        self.tags += _pairs(run_id, {MLFLOW_RUN_NAME: new.name})
        self.params += _pairs(run_id, given.params)
        if given.data:
            self.inputs.append(input_row(self._data_set(new.experiment_id, given.data), run_id))
        return run_id

    def _go_on(self, given: GivenRun, run_id: str) -> str | None:
        if run_id not in self.active:
            return None
        if given.status is not None:
            self.statuses.append({"id": run_id, "new_status": given.status, "new_end": given.end})
        return run_id

    def _location(self, experiment_id: str) -> str | None:
        if experiment_id not in self.locations:
            found = self.connection.execute(EXPERIMENT, {"id": int(experiment_id)})
            self.locations[experiment_id] = found.scalar_one_or_none()
        return self.locations[experiment_id]

    def _data_set(self, experiment_id: str, data: GivenData) -> str:
        """The id of a data set of an experiment; MLflow keeps equal ones once."""
        key = experiment_id, data.name, data.digest
        if key not in self.data_sets:
            names = {"experiment": int(experiment_id), "data_name": data.name, "data_digest": data.digest}
            there = self.connection.execute(DATA_SET, names).scalar_one_or_none()
            if there is None:
                row = data_set_row(experiment_id, data.name, data.digest, data.source)
                self.new_data_sets.append(row)
                there = row["dataset_uuid"]
            self.data_sets[key] = there
        return self.data_sets[key]

    def write(self) -> None:
        """Write all rows: what others refer to first."""
        rows = once(self.metrics)
        tags_of_inputs = [{"input_uuid": each["input_uuid"], **TRAINING} for each in self.inputs]
        found = self.connection.execute(LATEST_OF, {"ids": list(self.active)})
        latest = {(run_id, key): tuple(rank) for run_id, key, *rank in found}
        for statement, each in (
            (INSERT_RUN, self.runs),
            (SET_STATUSES, self.statuses),
            (INSERT_PARAMS, self.params),
            (SET_TAGS, self.tags),
            (ADD_METRICS, rows),
            (SET_LATEST, newer_rows(rows, latest)),
            (INSERT_DATA_SET, self.new_data_sets),
            (INSERT_INPUT, self.inputs),
            (INSERT_INPUT_TAGS, tags_of_inputs),
        ):
            if each:
                self.connection.execute(statement, each)


def write(connection: Connection, given: Sequence[GivenRun | None]) -> list[str | None]:
    """Write runs; returns the id of each, None of those that are left out."""
    # Nobody else writes between what is read here and the commit.
    connection.exec_driver_sql("BEGIN IMMEDIATE")
    known = [run.run for run in given if run and isinstance(run.run, str)]
    batch = _Batch(connection, set(connection.scalars(RUNS_OF, {"ids": known})))
    written = [batch.add(run) if run else None for run in given]
    batch.write()
    return written


def _pairs(run_id: str, given: Mapping[str, str]) -> list[Row]:
    return [{"key": key, "value": value, "run_uuid": run_id} for key, value in given.items()]
