"""Measured speeds: how fast an array trains, and a plain loop of the same net."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import CursorResult, String, Table, bindparam, case, func, select, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from services.domain.states import PackState
from services.store import clock
from services.store.json_rows import GIVEN_IDS, given_ids
from services.store.models import Pack
from services.store.table import Base


class Speed(Base):
    """Trial-images per second of one shape at one width on one kind of machine, as last measured."""

    __tablename__ = "speeds"

    shape_key: Mapped[str] = mapped_column(String(64), primary_key=True)
    machine: Mapped[str] = mapped_column(String(120), primary_key=True)
    width: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    images_per_s: Mapped[float]
    measured_at: Mapped[int]


PLAIN = 0  # the width of a plain loop of torch: one trial, without an array
CLAIM_SECONDS = 60.0  # after which whoever was to measure a plain loop has not, and another may
CLAIMED = 0.0  # in place of a speed that somebody measures
TOO_WIDE = 0.0  # in place of the speed of an array for which the memory was not enough
_OF_SHAPES = select(Speed).where(
    Speed.shape_key.in_(bindparam("keys", expanding=True)), Speed.images_per_s > 0
)
_TOO_WIDE = (
    select(Speed.machine, func.min(Speed.width))
    .where(Speed.shape_key == bindparam("key"), Speed.width != PLAIN, Speed.images_per_s == TOO_WIDE)
    .group_by(Speed.machine)
)
_CLAIM = text(
    "INSERT INTO speeds (shape_key, machine, width, images_per_s, measured_at) "
    "VALUES (:shape_key, :machine, :width, :claimed, :now) "
    "ON CONFLICT (shape_key, machine, width) DO UPDATE SET measured_at = excluded.measured_at "
    "WHERE speeds.images_per_s = :claimed AND speeds.measured_at < :stale"
)
_PACKS = cast(Table, Pack.__table__).c
_TRAINS = func.count(case((_PACKS.state == PackState.RUNNING, 1)))
_SPENT = (
    select(
        _PACKS.sweep_id,
        func.sum(_PACKS.busy_ms),
        func.sum(_PACKS.work_ms),
        func.sum(_PACKS.trained_rows),
        func.sum(_PACKS.live_rows),
        _TRAINS,
    )
    .where(_PACKS.sweep_id.in_(GIVEN_IDS))
    .group_by(_PACKS.sweep_id)
)


def record(session: Session, shape_key: str, machine: str, width: int, images_per_s: float) -> None:
    """Keep the latest measurement of a shape at a width on a kind of machine."""
    session.merge(
        Speed(
            shape_key=shape_key,
            machine=machine,
            width=width,
            images_per_s=images_per_s,
            measured_at=clock.read(session),
        )
    )


def claim_plain(session: Session, shape_key: str, machine: str) -> bool:
    """Claim to measure the plain loop of a shape; False where somebody has, or just claimed it, too."""
    now = clock.read(session)
    values = {
        "shape_key": shape_key, "machine": machine, "width": PLAIN, "claimed": CLAIMED,
        "now": now, "stale": now - int(CLAIM_SECONDS * 1000),
    }  # fmt: skip
    return cast(CursorResult[Any], session.execute(_CLAIM, values)).rowcount == 1


def measured(session: Session, shape_key: str, machine: str, width: int) -> float | None:
    """Trial-images per second of a shape at a width on a kind of machine; None where nobody has measured."""
    speed = session.get(Speed, (shape_key, machine, width))
    return None if speed is None or speed.images_per_s <= 0 else speed.images_per_s


def by_width(session: Session, shape_key: str, machines: Collection[str]) -> dict[int, float]:
    """Images per second of arrays of a shape on some kinds of machine, the fastest at each width."""
    found: dict[int, float] = {}
    for speed in of_shapes(session, [shape_key]):
        if speed.machine in machines and speed.width != PLAIN:
            found[speed.width] = max(speed.images_per_s, found.get(speed.width, 0.0))
    return found


def note_too_wide(session: Session, shape_key: str, machine: str, width: int) -> None:
    """Record that an array of a shape has run out of memory on a kind of machine: no wider one is tried.

    A speed that is measured at that width later takes this back.
    """
    record(session, shape_key, machine, width, TOO_WIDE)


def too_wide(session: Session, shape_key: str) -> dict[str, int]:
    """The least width at which arrays of a shape have run out of memory, by the kind of machine."""
    return dict(session.execute(_TOO_WIDE, {"key": shape_key}).all())


def of_shapes(session: Session, shape_keys: Sequence[str]) -> Sequence[Speed]:
    """All measurements of some shapes, the plain loops too."""
    return session.scalars(_OF_SHAPES, {"keys": list(shape_keys)}).all()


@dataclass(frozen=True)
class Spent:
    """What the packs of a sweep have taken, times in seconds, and how many of them train now."""

    busy: float = 0.0  # in training
    work: float = 0.0  # of the devices
    trained_rows: int = 0  # rows of all epochs of their arrays
    live_rows: int = 0  # those of trials
    running: int = 0


def spent(session: Session, sweep_ids: Sequence[str]) -> dict[str, Spent]:
    """What the packs of each sweep have taken."""
    rows = session.execute(_SPENT, given_ids(sweep_ids))
    found = {
        sweep_id: Spent(int(busy) / 1000, int(work) / 1000, int(trained), int(live), running)
        for sweep_id, busy, work, trained, live, running in rows
    }
    return dict.fromkeys(sweep_ids, Spent()) | found
