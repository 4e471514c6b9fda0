"""The places of trials in arrays: how wide arrays are on a kind of device, and which trial has which row."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.orm import Session

from services.domain.plan import packing
from services.store import devices, speeds, trials
from services.store.models import Sweep, Trial

MAX_PLACED = 10_000  # trials that are given places at once


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
    if kind == "cpu":
        most = packing.width_after_rung(len(waiting), most)
    while start < len(waiting):
        rows = packing.next_rows(len(waiting) - start, most)
        width = rows if kind == "cpu" else packing.on_ladder(rows)
        for row, trial in enumerate(waiting[start : start + rows]):
            trial.width, trial.row = width, row
        start += rows
    session.flush()
    return waiting[0].width or 1


def width_on(session: Session, sweep: Sweep, shape: int, kind: str) -> int:
    """The most rows of a shape's packs on a kind of device: one number, for any number of workers.

    On a CPU the plan has it. On GPUs it is settled when the first pack is formed, by their memory and by what
    was measured until then.
    """
    own, plan = sweep.plan.shapes[shape], sweep.plan
    if plan.pin:
        return plan.pin.segments[0].width
    if kind == "cpu":
        return own.width
    place = f"{shape}:{kind}"
    if place not in sweep.widths:
        live = devices.of_kind(session, kind)
        measured = speeds.by_width(session, own.key, live.names)
        together = own.points * (plan.seeds if own.mixed else 1)
        row = own.gpu_bytes_per_row or own.bytes_per_row
        width = packing.ladder_width(together, row, live.memory, measured)
        sweep.widths = {**sweep.widths, place: width}
    return int(sweep.widths[place])


def choose(alike: Sequence[Trial], most: int | None) -> list[Trial]:
    """The trials that go into a pack together, of some that may: each in a row of its own, `most` of them."""
    chosen: dict[int | None, Trial] = {}  # by row
    for trial in alike:
        if len(chosen) == most:
            break
        chosen.setdefault(trial.row, trial)
    return list(chosen.values())
