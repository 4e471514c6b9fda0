"""What sweeps have committed lately: epochs in order of time, read from their events."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any, cast

from sqlalchemy import Select, Table, bindparam, select, union_all
from sqlalchemy.orm import Session

from services.domain.results.eta import Commit
from services.store.models import Event, Pack

MAX_COMMITS = 256  # of each sweep
_EVENTS = cast(Table, Event.__table__).c


def commits(session: Session, sweep_ids: Sequence[str]) -> dict[str, list[Commit]]:
    """The latest epochs that packs of each sweep have committed, oldest first, in one query for all sweeps.

    An epoch that is trained again after a failed attempt has no event, and so is no progress.
    """
    found: dict[str, list[Commit]] = {sweep_id: [] for sweep_id in sweep_ids}
    if not sweep_ids:
        return found
    named = {f"sweep_{place}": sweep_id for place, sweep_id in enumerate(sweep_ids)}
    for sweep_id, at, data, shape in session.execute(_latest(len(named)), named):
        found[sweep_id].append(Commit(at / 1000, shape, len(data["values"])))
    return found


@cache
def _latest(sweeps: int) -> Select[Any]:
    """Make the query for so many sweeps: what trains needs a device, so these are few."""
    each = [
        select(_EVENTS.sweep_id, _EVENTS.at, _EVENTS.data)
        .where(_EVENTS.sweep_id == bindparam(f"sweep_{place}"), _EVENTS.kind == "epoch")
        .order_by(_EVENTS.tx.desc(), _EVENTS.id.desc())
        .limit(MAX_COMMITS)
        .subquery()
        for place in range(sweeps)
    ]
    every = union_all(*(select(one) for one in each)).subquery().c
    packs = cast(Table, Pack.__table__)
    return (
        select(every.sweep_id, every.at, every.data, packs.c.shape)
        .join(packs, packs.c.id == every.data["pack"].as_string())
        .order_by(every.at)
    )
