"""The status of sweeps: everything that a view of them shows, read in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from services.domain.plan.plan import Plan
from services.domain.spec.spec import Spec
from services.domain.states import SWEEP_DISPATCHABLE, TrialState
from services.store import devices, leaderboard, mirror_status, packs, speeds, sweeps, trials
from services.store.leaderboard import RankedPoint
from services.store.mirror_status import MirrorStatus
from services.store.models import Sweep


@dataclass(frozen=True)
class SweepStatus:
    """A sweep, with what its view shows beside its own columns."""

    sweep: Sweep  # with its `mirror`
    counts: dict[str, int]  # trials per state; points not drawn are not among them
    epochs: dict[int, trials.Epochs]  # per shape
    best: list[RankedPoint]  # the best two points that have a value
    busy: float  # seconds spent training, summed over packs
    work: float  # the devices' work in them
    solo: dict[str, float]  # shape key → images/s of one trial alone, where that was measured
    at_once: int  # packs of it that train now; before any does, the devices that are alive
    idle: bool  # it wants to run, and no worker is there
    refused: bool  # it wants to run, and every worker that is there lacks its plug-ins
    mirrored: MirrorStatus  # how much of it MLflow has
    setback: str | None  # nothing of it runs, because an attempt failed and the next one waits: why it failed

    @property
    def spec(self) -> Spec:
        """What the user submitted."""
        return self.sweep.spec

    @property
    def plan(self) -> Plan:
        """Its axes, shapes and points."""
        return self.sweep.plan


def of(session: Session, page: Sequence[Sweep]) -> list[SweepStatus]:
    """The status of each sweep of a page, in as many queries for many sweeps as for one."""
    ids = [sweep.id for sweep in page]
    counts, running = sweeps.counts(session, ids), packs.running(session, ids)
    epochs, spent = trials.epochs(session, ids), speeds.spent(session, ids)
    best = leaderboard.top(session, {sweep.id: sweep.spec.objective for sweep in page}, 2)
    solo = _solo(session, sorted({shape.key for sweep in page for shape in sweep.plan.shapes}))
    alive = sum(devices.live(session).values())
    able = {plugins: bool(devices.live(session, plugins)) for plugins in {sweep.plugins for sweep in page}}
    wanting = {sweep.id for sweep in page if _wants_worker(sweep, counts[sweep.id])}
    setbacks = trials.setbacks(session, sorted(wanting))
    mirrored = mirror_status.status(session, ids)
    return [
        SweepStatus(
            sweep=sweep,
            counts=counts[sweep.id],
            epochs=epochs[sweep.id],
            best=best[sweep.id],
            busy=spent[sweep.id][0],
            work=spent[sweep.id][1],
            solo={shape.key: solo[shape.key] for shape in sweep.plan.shapes if shape.key in solo},
            at_once=running[sweep.id] or alive,
            idle=sweep.id in wanting and not alive,
            refused=sweep.id in wanting and alive > 0 and not able[sweep.plugins],
            mirrored=mirrored[sweep.id],
            setback=setbacks.get(sweep.id),
        )
        for sweep in page
    ]


def _wants_worker(sweep: Sweep, counts: dict[str, int]) -> bool:
    """Whether trials of the sweep may start and none is running."""
    return sweep.state in SWEEP_DISPATCHABLE and not counts.get(TrialState.RUNNING)


def _solo(session: Session, keys: Sequence[str]) -> dict[str, float]:
    """The fastest speed measured of one trial alone, by shape: the comparison that flatters arrays least."""
    fastest: dict[str, float] = {}
    for speed in speeds.of_shapes(session, keys):
        if speed.width == 1:
            fastest[speed.shape_key] = max(speed.images_per_s, fastest.get(speed.shape_key, 0.0))
    return fastest
