"""Rows out of one JSON parameter arrive as they were sent, on both kinds of database."""

from __future__ import annotations

import json
from typing import cast

from paper_sweep import write_sweep
from sqlalchemy import Table, select

from services.store.json_rows import GIVEN_IDS, given_ids, insert_each
from services.store.models import Sweep, Trial
from services.store.session import Store

TRIALS = cast(Table, Trial.__table__)
VALUES = {"lr": 0.1 + 0.2, "tiny": 5e-324, "model": {"name": "größer \u2028", "depth": [1, None, True]}}


def test_numbers_text_and_documents_are_inserted_as_they_are(store: Store) -> None:
    sweep_id = write_sweep(store)
    row = {
        "key": f"{sweep_id}-0000",
        "sweep_id": sweep_id,
        "number": 0,
        "point": 2**40,
        "replicate": 0,
        "seed": 2**62 + 1,
        "values": VALUES,
        "shape": 0,
        "width": 1,
        "row": 0,
        "target_epoch": 3,
        "created_at": 1_800_000_000_123,
        "state": "pending",
        "pack_id": None,
    }
    statement = insert_each(TRIALS, *(name for name in row if name != "key"), id="key")
    rows = [row, row | {"key": f"{sweep_id}-0001", "number": 1}]
    store.write(lambda session: session.execute(statement, {"each": json.dumps(rows)}))
    first, second = store.read(lambda s: s.scalars(select(Trial).order_by(Trial.number)).all())
    assert (first.id, second.id) == (rows[0]["key"], rows[1]["key"])
    assert {name: getattr(first, name) for name in row if name != "key"} == {
        name: value for name, value in row.items() if name != "key"
    }
    assert (first.epoch, first.cancel, first.attempts, first.best_value) == (0, False, 0, None)  # defaults


def test_ids_are_found_among_any_number(store: Store) -> None:
    ids = sorted(write_sweep(store) for _ in range(3))
    asked = [*ids[:2], *(f"none-{number}" for number in range(500))]
    among = select(Sweep.id).where(Sweep.id.in_(GIVEN_IDS)).order_by(Sweep.id)
    assert store.read(lambda session: session.scalars(among, given_ids(asked)).all()) == ids[:2]
    assert store.read(lambda session: session.scalars(among, given_ids([])).all()) == []
