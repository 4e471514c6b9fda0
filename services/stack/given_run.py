"""One of several runs in a request, checked as MLflow checks it: `services/tracking/runs_endpoint.py`."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from mlflow.entities import RunStatus
from mlflow.exceptions import MlflowException
from mlflow.utils import validation
from mlflow.utils.mlflow_tags import MLFLOW_RUN_NAME

MAX_INTEGER = 2**63 - 1
NOT_FINITE = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
STATUSES = frozenset(RunStatus.to_string(each) for each in RunStatus.all_status())


class Unusual(Exception):
    """Whoever sent the run has MLflow's own requests decide on it."""


@dataclass(frozen=True)
class RunToMake:
    """A run that is to be made; `start` in ms."""

    experiment_id: str
    user_id: str
    name: str
    start: int


@dataclass(frozen=True)
class GivenData:
    """What a run was trained on."""

    name: str
    digest: str
    source: str


@dataclass(frozen=True)
class GivenRun:
    """A run, new or known, and what it gets: metrics as (name, value, ms, step); `end` in ms."""

    run: RunToMake | str
    metrics: Sequence[tuple[str, float, int, int]]
    params: Mapping[str, str]
    tags: Mapping[str, str]
    data: GivenData | None
    status: str | None
    end: int | None


def read(document: Any) -> GivenRun | None:
    """Read one run; None unless all of it is of the usual kind and allowed by MLflow.

    A known run is unusual if it gets params or a data set: MLflow compares them with those that it has.
    """
    try:
        return _read(document)
    except (Unusual, MlflowException, KeyError, TypeError, ValueError):
        return None


def _read(document: Any) -> GivenRun:
    new, data, status, end = (document[name] for name in ("new", "data", "status", "end_time"))
    run: RunToMake | str
    if new is None:
        run = _text(document["run_id"])
        if document["params"] or data is not None:
            raise Unusual
    else:
        experiment_id, user_id, name = (_text(new[key]) for key in ("experiment_id", "user_id", "run_name"))
        run = RunToMake(experiment_id, user_id, name, _moment(new["start_time"]))
        if not run.name or not run.experiment_id.isdecimal() or status is None:
            raise Unusual
    if status not in STATUSES and status is not None:
        raise Unusual
    return GivenRun(
        run,
        [_point(*each) for each in document["metrics"]],
        _pairs(document["params"], validation.MAX_PARAM_VAL_LENGTH),
        _pairs(document["tags"], validation.MAX_TAG_VAL_LENGTH),
        None if data is None else _data(data),
        status,
        None if end is None else _moment(end),
    )


def _pairs(given: Any, most: int) -> dict[str, str]:
    if not isinstance(given, dict) or MLFLOW_RUN_NAME in given:  # by such a tag MLflow renames a run
        raise Unusual
    for name, text in given.items():
        _check_name(name)
        if len(_text(text)) > most:
            raise Unusual
    return dict(given)


def _point(name: Any, value: Any, at: Any, step: Any) -> tuple[str, float, int, int]:
    _check_name(name)
    if isinstance(value, str):
        value = NOT_FINITE[value]
    if isinstance(value, bool):
        raise Unusual
    return name, float(value), _moment(at), _integer(step)


def _data(given: Any) -> GivenData:
    data = GivenData(*(_text(given[name]) for name in ("name", "digest", "source")))
    sizes = (
        (data.name, validation.MAX_DATASET_NAME_SIZE),
        (data.digest, validation.MAX_DATASET_DIGEST_SIZE),
        (data.source, validation.MAX_DATASET_SOURCE_SIZE),
    )
    if any(len(text) > most for text, most in sizes):
        raise Unusual
    return data


@lru_cache(4096)
def _check_name(name: str) -> None:
    """Check the name of a metric, a param or a tag, for which MLflow has one rule; they recur in each run."""
    validation._validate_param_name(_text(name))
    validation._validate_length_limit("name", validation.MAX_ENTITY_KEY_LENGTH, name)


def _text(given: Any) -> str:
    if not isinstance(given, str):
        raise Unusual
    return given


def _integer(given: Any) -> int:
    if type(given) is not int or abs(given) > MAX_INTEGER:  # a bool is none
        raise Unusual
    return given


def _moment(given: Any) -> int:
    if _integer(given) < 0:
        raise Unusual
    return int(given)
