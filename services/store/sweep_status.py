"""The status of sweeps: everything that a view of them shows, read in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from services.domain.errors import Unreadable
from services.domain.plan.plan import Plan
from services.domain.plan.space import Space
from services.domain.spec.spec import Spec
from services.domain.states import SWEEP_DISPATCHABLE, TrialState
from services.store import devices, leaderboard, packs, speeds, sweeps, trials
from services.store.leaderboard import RankedPoint
from services.store.models import Sweep

BARE_PLAN = Plan(base={}, space=Space(axes=[]), shapes=[])  # of a sweep whose plan cannot be read


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
    setback: str | None  # nothing of it runs, because an attempt failed and the next one waits: why it failed

    @property
    def spec(self) -> Spec:
        """What the user submitted; without contents if that or the plan cannot be read."""
        bare = Spec.model_construct(name=self.sweep.name, project=self.sweep.project)
        return bare if _fault(self.sweep) else self.sweep.spec

    @property
    def plan(self) -> Plan:
        """Its axes, shapes and points; none if the plan or the spec cannot be read."""
        return BARE_PLAN if _fault(self.sweep) else self.sweep.plan

    @property
    def set_aside(self) -> str | None:
        """Why nothing can be done for it now."""
        return self.sweep.set_aside or _fault(self.sweep)


def of(session: Session, page: Sequence[Sweep]) -> list[SweepStatus]:
    """The status of each sweep of a page, in as many queries for many sweeps as for one."""
    ids = [sweep.id for sweep in page]
    counts, running = sweeps.counts(session, ids), packs.running(session, ids)
    epochs, spent = trials.epochs(session, ids), speeds.spent(session, ids)
    readable = [sweep for sweep in page if not _fault(sweep)]
    best = leaderboard.top(session, {sweep.id: sweep.spec.objective for sweep in readable}, 2)
    solo = _solo(session, sorted({shape.key for sweep in readable for shape in sweep.plan.shapes}))
    keys = {sweep.id: [shape.key for shape in sweep.plan.shapes] for sweep in readable}
    alive = sum(devices.live(session).values())
    able = {plugins: bool(devices.live(session, plugins)) for plugins in {sweep.plugins for sweep in page}}
    wanting = {sweep.id for sweep in page if _wants_worker(sweep, counts[sweep.id])}
    setbacks = trials.setbacks(session, sorted(wanting))
    return [
        SweepStatus(
            sweep=sweep,
            counts=counts[sweep.id],
            epochs=epochs[sweep.id],
            best=best.get(sweep.id, []),
            busy=spent[sweep.id][0],
            work=spent[sweep.id][1],
            solo={key: solo[key] for key in keys.get(sweep.id, ()) if key in solo},
            at_once=running[sweep.id] or alive,
            idle=sweep.id in wanting and not alive,
            refused=sweep.id in wanting and alive > 0 and not able[sweep.plugins],
            setback=setbacks.get(sweep.id),
        )
        for sweep in page
    ]


def _fault(sweep: Sweep) -> str | None:
    """Why the sweep cannot be read; None if it can."""
    try:
        _ = sweep.spec, sweep.plan
    except Unreadable as error:
        return error.detail
    return None


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
