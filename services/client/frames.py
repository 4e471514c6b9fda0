"""A sweep's tables as pandas frames. Needs the role `frames`; pandas is loaded at the first use."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas

NOT_FINITE = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}  # as JSON has them, as text
TIMES = ("at", "started_at", "finished_at")
TEXTS = ("trial", "state", "failure", "message", "reused_from")  # whatever stands in them


class MissingFrames(Exception):
    """The packages of the role `frames` are not installed."""


def table(rows: Sequence[dict[str, Any]], columns: Sequence[str] | None = None) -> pandas.DataFrame:
    """Return rows of a table as the API has them in JSON, with a type for each column.

    Times are timestamps in UTC, numbers are numbers, also NaN and infinities. Objects, such as an optimizer
    with its own numbers, are their names if these tell them apart, else the one field in which they differ,
    else their JSON. Where an axis has numbers and names, all of them are text.
    `columns` are the names of columns where there are no rows to have them.
    """
    try:
        import pandas
    except ModuleNotFoundError as error:
        raise MissingFrames(f"frames need {error.name}: install the role, pip install '.[frames]'") from None
    frame = pandas.DataFrame(rows, columns=columns)
    for name in frame.columns:
        if name in TIMES:
            frame[name] = pandas.to_datetime(frame[name], utc=True)
        else:
            values = frame[name].tolist()
            if name not in TEXTS:
                values = [_finite(each) for each in _simple(values)]
            frame[name] = pandas.Series(_of_one_type(values), index=frame.index)
    return frame


def write_parquet(frame: pandas.DataFrame, path: str) -> None:
    """Write a frame as Parquet; `MissingFrames` without pyarrow."""
    try:
        frame.to_parquet(path, index=False)
    except ImportError:
        raise MissingFrames("Parquet needs pyarrow: install the role, pip install '.[frames]'") from None


def _finite(value: Any) -> Any:
    """A number that JSON has as text, or the same value."""
    return NOT_FINITE.get(value, value) if isinstance(value, str) else value


def _simple(values: list[Any]) -> list[Any]:
    """Objects by the one field that tells them apart, or as JSON; lists as JSON."""
    objects = [each for each in values if isinstance(each, dict)]
    shared = _keys(objects)
    varied = [key for key in shared if len({json.dumps(each[key]) for each in objects}) > 1]
    distinct = {json.dumps(each, sort_keys=True) for each in objects}
    for key in (*(["name"] if "name" in shared else []), *(varied if len(varied) == 1 else [])):
        if len({json.dumps(each[key]) for each in objects}) == len(distinct):
            return [each[key] if isinstance(each, dict) else each for each in values]
    return [json.dumps(each) if isinstance(each, dict | list) else each for each in values]


def _keys(objects: list[dict[str, Any]]) -> list[str]:
    """The fields that all of them have."""
    return [key for key in objects[0] if all(key in each for each in objects)] if objects else []


def _of_one_type(values: list[Any]) -> list[Any]:
    """The same values, or, where numbers and texts are mixed, all as text."""
    kinds = {isinstance(each, str) for each in values if not _is_missing(each)}
    if kinds != {True, False}:
        return values
    return [each if each is None or isinstance(each, str) else json.dumps(each) for each in values]


def _is_missing(value: Any) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))
