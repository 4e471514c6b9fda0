"""What sweeps have committed lately: epochs in order of time, read from their events."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select, union_all
from sqlalchemy.orm import Session

from services.domain.results.eta import Commit
from services.store.json_rows import among
from services.store.models import Event, Pack

MAX_COMMITS = 256  # of each sweep


def commits(session: Session, sweep_ids: Sequence[str]) -> dict[str, list[Commit]]:
    """The latest epochs that packs of each sweep have committed, oldest first, in one query for all sweeps.

    An epoch that is trained again after a failed attempt has no event, and so is no progress.
    """
    found: dict[str, list[Commit]] = {sweep_id: [] for sweep_id in sweep_ids}
    if not sweep_ids:
        return found
    latest = [
        select(Event.sweep_id, Event.tx, Event.id, Event.at, Event.data)
        .where(Event.sweep_id == sweep_id, Event.kind == "epoch")
        .order_by(Event.tx.desc(), Event.id.desc())
        .limit(MAX_COMMITS)
        .subquery()
        for sweep_id in sweep_ids
    ]
    every = union_all(*(select(one) for one in latest)).subquery()
    rows = session.execute(select(every.c.sweep_id, every.c.at, every.c.data).order_by(every.c.at)).all()
    packs = {data["pack"] for _, _, data in rows}
    shapes = dict(session.execute(select(Pack.id, Pack.shape).where(Pack.id.in_(among(sorted(packs))))).all())
    for sweep_id, at, data in rows:
        if data["pack"] in shapes:
            found[sweep_id].append(Commit(at / 1000, shapes[data["pack"]], len(data["values"])))
    return found
