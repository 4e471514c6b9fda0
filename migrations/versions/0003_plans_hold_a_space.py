"""A plan's axes, dependencies and groups stand in its space, and its shapes name what they measure"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

Json = dict[str, Any]
SWEEPS = sa.table("sweeps", sa.column("id", sa.String), sa.column("plan", sa.JSON))
METRICS: dict[str, Json] = {
    "acc": {"name": "acc", "goal": "maximize", "label": "accuracy", "error": "error"},
    "mae": {"name": "mae", "goal": "minimize", "label": "mean absolute error", "error": ""},
}


def upgrade() -> None:
    """Write every plan in the new form."""
    _rewrite(newer)


def downgrade() -> None:
    """Write every plan in the form that it had; metrics besides the default one are lost."""
    _rewrite(older)


def _rewrite(change: Callable[[Json], Json]) -> None:
    connection = op.get_bind()
    for sweep_id, plan in connection.execute(sa.select(SWEEPS.c.id, SWEEPS.c.plan)).all():
        connection.execute(SWEEPS.update().where(SWEEPS.c.id == sweep_id).values(plan=change(plan)))


def newer(plan: Json) -> Json:
    """A plan of revision 0001 in today's form."""
    ties = plan["ties"]
    conditions = [_renamed(each, picks="indices") for each in ties["conditions"]]
    space = {
        "axes": [_newer_axis(axis) for axis in plan["axes"]],
        "dependencies": {**ties, "conditions": conditions},
        "groups": [_renamed(group, picks="combinations") for group in plan["groups"]],
        **{name: plan[name] for name in ("search", "drawn", "seed")},
    }
    shapes = [
        {**_renamed(shape, picks="coordinates", metric="metrics"), "metrics": [METRICS[shape["metric"]]]}
        for shape in plan["shapes"]
    ]
    return {
        "base": plan["base"],
        "space": space,
        "seeds": plan["seeds"],
        "shapes": shapes,
        "pin": plan["pin"],
    }


def older(plan: Json) -> Json:
    """The inverse."""
    space = plan["space"]
    conditions = [_renamed(each, indices="picks") for each in space["dependencies"]["conditions"]]
    shapes = [
        {
            **_renamed(shape, coordinates="picks", metrics="metric"),
            "metric": next(
                (metric["name"] for metric in shape["metrics"] if metric["name"] in METRICS), "acc"
            ),
        }
        for shape in plan["shapes"]
    ]
    return {
        "base": plan["base"],
        "axes": [_older_axis(axis) for axis in space["axes"]],
        "ties": {**space["dependencies"], "conditions": conditions},
        "groups": [_renamed(group, combinations="picks") for group in space["groups"]],
        **{name: space[name] for name in ("search", "drawn", "seed")},
        "seeds": plan["seeds"],
        "shapes": shapes,
        "pin": plan["pin"],
    }


def _newer_axis(axis: Json) -> Json:
    named = {name: axis[name] for name in ("name", "path", "row")}
    if axis["values"] is not None:
        return {"kind": "listed", **named, "values": axis["values"], "written": axis["written"]}
    return {"kind": "range", **named} | {name: axis[name] for name in ("low", "high", "step", "log", "whole")}


def _older_axis(axis: Json) -> Json:
    empty = {"values": None, "written": None, "low": None, "high": None, "step": None, "log": False}
    return {**empty, "whole": False} | {name: value for name, value in axis.items() if name != "kind"}


def _renamed(given: Json, **names: str) -> Json:
    return {names.get(name, name): value for name, value in given.items()}
