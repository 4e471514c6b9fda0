"""Revision 0002 on a database with sweeps in it: going up and down loses nothing of what MLflow has."""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import pytest
from alembic import command
from paper_catalog import paper_plan, paper_spec
from sqlalchemy import Connection, Engine, MetaData, Table, create_engine, insert, select

from migrations.apply import config, downgrade, upgrade
from services.store import mirror, sweeps, trials
from services.store.mirror import MirrorLease
from services.store.session import Store

older = import_module("migrations.versions.0003_plans_hold_a_space").older
DIGEST = "4" * 40
BOOKMARK = f"active:{DIGEST}:1a2b3c4d"
# A sweep as revision 0001 wrote it: experiment_id, run_id, exported, view_saved, export_owner, export_until.
SWEEPS: dict[str, tuple[Any, ...]] = {
    "new": (None, None, None, False, None, 0),
    "exported": ("7", "a" * 32, BOOKMARK, True, None, 0),
    "being-exported": ("7", "b" * 32, None, False, "worker-1:0badcafe", 4102444800000),
    "deleted": ("7", "c" * 32, "deleted", True, None, 0),
    "refused": (None, None, "refused", False, None, 0),
}
# Its trials: state, epoch, run_id, exported_epoch, exported_state.
TRIALS: tuple[tuple[Any, ...], ...] = (
    ("succeeded", 3, "d" * 32, 3, "succeeded"),
    ("running", 2, "e" * 32, 1, "running"),
    ("running", 2, "f" * 32, -1, "running"),
    ("failed", 2, "0" * 32, 2, "deleted"),
    ("failed", 1, None, 0, "refused"),
    ("pending", 0, None, 0, None),
)


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """A database at revision 0001 that holds sweeps, trials and a pack that trains."""
    downgrade(database_url, "base")
    upgrade(database_url, "0001")
    opened = create_engine(database_url)
    with opened.begin() as connection:
        fill(connection)
    yield opened
    opened.dispose()


def fill(connection: Connection) -> None:
    tables = MetaData()
    tables.reflect(connection)
    spec = paper_spec()
    spec_json, plan_json = spec.model_dump(mode="json"), older(paper_plan(spec).model_dump(mode="json"))
    for name, (experiment, run, exported, saved, owner, until) in SWEEPS.items():
        sweep = {
            "id": name,
            "name": "paper",
            "project": "default",
            "state": "active",
            "total": 6,
            "spec": spec_json,
            "plan": plan_json,
            "next_number": 6,
            "created_at": 1,
            "started_at": 2,
            "experiment_id": experiment,
            "run_id": run,
            "exported": exported,
            "view_saved": saved,
            "export_owner": owner,
            "export_until": until,
        }
        pack = {
            "id": f"{name}-pack",
            "sweep_id": name,
            "shape": 0,
            "kind": "cpu",
            "width": 4,
            "sends": 1,
            "start_epoch": 0,
            "target_epoch": 3,
            "state": "running",
            "token": "t",
            "created_at": 2,
            "busy_ms": 5,
            "work_ms": 4,
        }
        connection.execute(insert(tables.tables["sweeps"]), [sweep])
        connection.execute(insert(tables.tables["packs"]), [pack])
        rows = [trial(name, number, *columns) for number, columns in enumerate(TRIALS)]
        connection.execute(insert(tables.tables["trials"]), rows)


# The columns of this revision; later ones add others.
OF_SWEEPS = ("experiment_id", "run_id", "exported", "view_saved", "left_out", "lease_owner", "lease_until")
OF_TRIALS = ("trial_id", "run_id", "exported_epoch", "exported_state", "left_out")


def trial(
    sweep: str, number: int, state: str, epoch: int, run: Any, exported: int, shown: Any
) -> dict[str, Any]:
    return {
        "id": f"{sweep}-{number:04d}",
        "sweep_id": sweep,
        "number": number,
        "point": number,
        "replicate": 0,
        "seed": number,
        "values": {"model.dropout": 0.5},
        "shape": 0,
        "row": number,
        "state": state,
        "epoch": epoch,
        "saved_epoch": 0,
        "target_epoch": 3,
        "attempts": 1,
        "crashes": 0,
        "losses": 0,
        "not_before": 0,
        "cancel": False,
        "created_at": 1,
        "started_at": 2 if epoch else None,
        "pack_id": f"{sweep}-pack" if state == "running" else None,
        "run_id": run,
        "exported_epoch": exported,
        "exported_state": shown,
    }


def rows(engine: Engine, table: str) -> list[dict[str, Any]]:
    """Everything in a table, as JSON would show it, so that both databases compare."""
    with engine.connect() as connection:
        found = Table(table, MetaData(), autoload_with=connection)
        each = connection.execute(select(found).order_by(*found.primary_key.columns)).mappings()
        return [json.loads(json.dumps(dict(row))) for row in each]


def test_going_up_keeps_what_mlflow_has(engine: Engine, database_url: str) -> None:
    upgrade(database_url)
    command.check(config(database_url))
    kept = {row["sweep_id"]: tuple(row[name] for name in OF_SWEEPS) for row in rows(engine, "mirror_sweeps")}
    assert kept == {
        "new": (None, None, None, False, None, None, 0),
        "exported": ("7", "a" * 32, BOOKMARK, True, None, None, 0),
        "being-exported": ("7", "b" * 32, None, False, None, "worker-1:0badcafe", 4102444800000),
        "deleted": ("7", "c" * 32, None, True, "deleted", None, 0),
        "refused": (None, None, None, False, "refused", None, 0),
    }
    ours = [
        tuple(row[name] for name in OF_TRIALS)
        for row in rows(engine, "mirror_trials")
        if row["trial_id"].startswith("new-")
    ]
    assert ours == [
        ("new-0000", "d" * 32, 3, "succeeded", None),
        ("new-0001", "e" * 32, 1, "running", None),
        ("new-0002", "f" * 32, -1, "running", None),
        ("new-0003", "0" * 32, 2, None, "deleted"),
        ("new-0004", None, 0, None, "refused"),
        ("new-0005", None, 0, None, None),
    ]
    assert len(rows(engine, "mirror_trials")) == len(SWEEPS) * len(TRIALS)


def test_the_service_goes_on_where_it_was(engine: Engine, database_url: str) -> None:
    upgrade(database_url)
    store = Store(database_url)
    assert sorted(store.read(lambda s: mirror.behind(s, "1a2b3c4d"))) == ["being-exported", "exported", "new"]
    behind = store.read(lambda session: mirror.trials_behind(session, "exported"))
    assert sorted(behind) == ["exported-0001", "exported-0002"]
    assert not store.write(lambda s: mirror.take(s, MirrorLease("being-exported", "worker-2", 60)))
    sweep = store.read(lambda session: sweeps.get(session, "exported"))
    assert (sweep.spec, sweep.mirror.run_id) == (paper_spec(), "a" * 32)
    assert store.read(lambda session: trials.get(session, "new-0003")).mirror.left_out == "deleted"
    store.close()


def test_going_down_restores_every_column(engine: Engine, database_url: str) -> None:
    before = rows(engine, "sweeps"), rows(engine, "trials")
    upgrade(database_url)
    assert "exported" not in rows(engine, "sweeps")[0]
    downgrade(database_url, "0001")
    assert (rows(engine, "sweeps"), rows(engine, "trials")) == before
    upgrade(database_url)
    assert len(rows(engine, "mirror_sweeps")) == len(SWEEPS)
