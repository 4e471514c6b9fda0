"""A swept hyperparameter as JSON."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from services.domain.plan.axis import Axis, ListedAxis


class AxisView(BaseModel):
    """One swept hyperparameter: its path, and its values or its range.

    `values` are complete, `written` are the same as the user wrote them; both are null for a range, which
    has `low`, `high`, a `step` if its values are counted (a factor if `log`), and `whole` for integers.
    `row`: trials that differ in it can train side by side in one array.
    """

    name: str  # as the user wrote it: the path or its end
    path: str
    row: bool
    values: list[Any] | None
    written: list[Any] | None = None
    low: float | None = None
    high: float | None = None
    step: float | None = None
    log: bool = False
    whole: bool = False


def axis_view(axis: Axis) -> AxisView:
    """An axis of a plan."""
    if isinstance(axis, ListedAxis):
        return AxisView(
            name=axis.name, path=axis.path, row=axis.row, values=axis.values, written=axis.written
        )
    return AxisView(
        name=axis.name,
        path=axis.path,
        row=axis.row,
        values=None,
        low=axis.low,
        high=axis.high,
        step=axis.step,
        log=axis.log,
        whole=axis.whole,
    )
