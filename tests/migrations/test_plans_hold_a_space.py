"""Revision 0003: plans that the service wrote before are the plans it makes of the same specs today."""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from paper_catalog import paper_plan, paper_spec
from sqlalchemy import MetaData, create_engine, insert, select

from migrations.apply import downgrade, upgrade
from services.domain.plan.plan import Plan
from services.store import sweeps
from services.store.session import Store

STEP = import_module("migrations.versions.0003_plans_hold_a_space")
# What revision 0001 stored of five specs: lists, conditions and a constraint, a zip, random draws.
WRITTEN: list[dict[str, Any]] = json.loads(
    (Path(__file__).parent / "plans_at_0001.json").read_text(encoding="utf-8")
)


def planned(written: dict[str, Any]) -> Plan:
    """Today's plan without what later revisions added, with the widths of the time: a plan keeps its own."""
    plan = paper_plan(paper_spec(**written["spec"]))
    shapes = [
        own.model_copy(update={"images": {}, "bytes_beside": 0, "width": then["width"]})
        for own, then in zip(plan.shapes, written["plan"]["shapes"], strict=True)
    ]
    return plan.model_copy(update={"shapes": shapes})


@pytest.mark.parametrize("number", range(len(WRITTEN)))
def test_a_plan_goes_up_and_down_again(number: int) -> None:
    plan = WRITTEN[number]["plan"]
    newer = STEP.newer(plan)
    assert Plan.model_validate(newer) == planned(WRITTEN[number])
    assert STEP.older(newer) == plan


def test_sweeps_are_read_after_the_upgrade_and_restored_by_the_downgrade(database_url: str) -> None:
    downgrade(database_url, "base")
    upgrade(database_url, "0002")
    engine = create_engine(database_url)
    tables = MetaData()
    tables.reflect(engine)
    rows = [
        {
            "id": f"sweep-{number}",
            "name": "paper",
            "project": "default",
            "state": "succeeded",
            "total": 1,
            "next_number": 1,
            "created_at": 1,
            "spec": paper_spec(**written["spec"]).model_dump(mode="json"),
            "plan": written["plan"],
        }
        for number, written in enumerate(WRITTEN)
    ]
    mirrored = [{"sweep_id": row["id"], "view_saved": False, "lease_until": 0} for row in rows]
    with engine.begin() as connection:
        connection.execute(insert(tables.tables["sweeps"]), rows)
        connection.execute(insert(tables.tables["mirror_sweeps"]), mirrored)
    upgrade(database_url)
    store = Store(database_url)
    found = store.read(lambda session: {sweep.id: sweep.plan for sweep in sweeps.newest(session, 10)})
    store.close()
    assert found == {row["id"]: planned(written) for row, written in zip(rows, WRITTEN, strict=True)}
    downgrade(database_url, "0002")
    with engine.connect() as connection:
        table = tables.tables["sweeps"]
        plans = dict(connection.execute(select(table.c.id, table.c.plan)).all())
    engine.dispose()
    plans = {name: json.loads(plan) if isinstance(plan, str) else plan for name, plan in plans.items()}
    assert plans == {row["id"]: row["plan"] for row in rows}
