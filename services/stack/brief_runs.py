"""Runs without what they show, as MLflow's REST API writes them: its own search reads every metric."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, and_, select

from services.stack.mlflow_tables import RUNS, TAGS

COLUMNS = (
    RUNS.c.run_uuid,
    RUNS.c.experiment_id,
    RUNS.c.name,
    RUNS.c.status,
    RUNS.c.lifecycle_stage,
    RUNS.c.artifact_uri,
)


def find(
    connection: Connection, experiment_id: int, tags: Mapping[str, str], shown: str
) -> list[dict[str, Any]]:
    """Find the runs of an experiment that have all of these tags, deleted ones included, oldest first.

    Of their tags they have `shown`.
    """
    tag = TAGS.alias()
    shows = and_(tag.c.run_uuid == RUNS.c.run_uuid, tag.c.key == shown)
    query = select(*COLUMNS, tag.c.value.label("shown")).select_from(RUNS.outerjoin(tag, shows))
    for key, value in tags.items():
        own = TAGS.alias()
        mine = and_(own.c.run_uuid == RUNS.c.run_uuid, own.c.key == key, own.c.value == value)
        query = query.join(own, mine)
    query = query.where(RUNS.c.experiment_id == experiment_id)
    rows = connection.execute(query.order_by(RUNS.c.start_time, RUNS.c.run_uuid))
    return [_as_json(row, shown) for row in rows]


def _as_json(run: Any, shown: str) -> dict[str, Any]:
    info = {
        "run_id": run.run_uuid,
        "run_name": run.name or "",
        "experiment_id": str(run.experiment_id),
        "status": run.status,
        "lifecycle_stage": run.lifecycle_stage,
        "artifact_uri": run.artifact_uri,
    }
    tags = [] if run.shown is None else [{"key": shown, "value": run.shown}]
    return {"info": info, "data": {"tags": tags}}
