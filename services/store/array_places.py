"""The places of trials in arrays: how wide arrays are on a kind of device, and which trial has which row."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.orm import Session

from services.domain.plan import packing
from services.store import devices, packs, speeds, trials
from services.store.devices import LiveDevice
from services.store.models import Sweep, Trial

MAX_PLACED = 10_000  # trials that are given places at once


def place(session: Session, sweep: Sweep, first: Trial, kind: str) -> int:
    """Return the width of the arrays that a waiting trial trains in on a kind of device.

    It keeps the place that it has, because its last bits may depend on that, but for two cases, in which it
    gets a new one with all that may train with it: no live device of the kind has memory for the width, or
    nothing of it is trained and its place was for another kind of device.
    """
    if first.width is not None and (sweep.plan.pin or not _leaves(session, sweep, first, kind)):
        return first.width
    return give(session, sweep, first, kind)


def _leaves(session: Session, sweep: Sweep, trial: Trial, kind: str) -> bool:
    """Whether a trial's place is not for this kind of device."""
    if trial.width is not None and trial.width > max(_most_rows(session, sweep, trial.shape, kind)):
        return True
    return trial.saved_epoch == trial.start_epoch and packs.last_kind(session, trial.id) not in (None, kind)


def give(session: Session, sweep: Sweep, first: Trial, kind: str) -> int:
    """Give a width and a row to each trial that may train with the first one; returns the first's width.

    All that have come together from a rung are divided at once, so the arrays depend on no worker.
    """
    plan = sweep.plan
    if plan.pin:
        segment = plan.pin.segment_from(first.saved_epoch)
        first.width, first.row = segment.width, segment.row
        return segment.width
    waiting = trials.waiting_like(session, first, plan.shapes[first.shape].mixed, MAX_PLACED)
    most, start = width_on(session, sweep, first.shape, kind), 0
    most = min(most, first.most_alive or most)
    if kind == "cpu":
        most = packing.width_after_rung(len(waiting), most)
    while start < len(waiting):
        left = len(waiting) - start
        rows = packing.next_rows(left, most) if kind == "cpu" else min(left, most)
        width = rows if kind == "cpu" else packing.on_ladder(rows)
        for row, trial in enumerate(waiting[start : start + rows]):
            trial.width, trial.row = width, row
        start += rows
    session.flush()
    return waiting[0].width or 1


def width_on(session: Session, sweep: Sweep, shape: int, kind: str) -> int:
    """The most rows of a shape's packs on a kind of device: one number, for any number of workers.

    On a CPU the plan has it. On GPUs it is settled when the first pack is formed, by their memory and by what
    was measured until then; it is less while a GPU is alive that has no memory for so many.
    """
    own, plan = sweep.plan.shapes[shape], sweep.plan
    if plan.pin:
        return plan.pin.segments[0].width
    least, settled = min(_most_rows(session, sweep, shape, kind)), f"{shape}:{kind}"
    if kind == "cpu":
        return least
    if settled not in sweep.widths:
        names = {device.name for device in _live(session, sweep, shape, kind)}
        together = own.points * (plan.replicates if own.mixed else 1)
        width = packing.ladder_width(together, least, speeds.by_width(session, own.key, names))
        sweep.widths = {**sweep.widths, settled: width}
    return min(int(sweep.widths[settled]), least)


def _most_rows(session: Session, sweep: Sweep, shape: int, kind: str) -> list[int]:
    """The most rows of a shape for which each live device of a kind has memory; on a CPU the plan has it."""
    own = sweep.plan.shapes[shape]
    if kind == "cpu":
        return [own.width]
    too_wide = speeds.too_wide(session, own.key)
    live = _live(session, sweep, shape, kind)
    return [own.widest(device.memory, too_wide.get(device.name)) for device in live] or [own.widest(0, None)]


def _live(session: Session, sweep: Sweep, shape: int, kind: str) -> list[LiveDevice]:
    """The devices of a kind that could take packs of a shape now, were they not too wide."""
    precision = sweep.plan.shapes[shape].precision
    return [each for each in devices.usable(session) if each.trains(kind, precision, sweep.plugins)]


def choose(alike: Sequence[Trial], most: int | None) -> list[Trial]:
    """The trials that go into a pack together, of some that may: each in a row of its own, `most` of them."""
    chosen: dict[int | None, Trial] = {}  # by row
    for trial in alike:
        if len(chosen) == most:
            break
        chosen.setdefault(trial.row, trial)
    return list(chosen.values())
