"""Where a sweep stands: everything that a view of it shows, read in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from services.domain.plan.plan import Plan
from services.domain.spec.spec import Spec
from services.domain.states import SweepState, TrialState
from services.store import devices, leaderboard, packs, speeds, sweeps, trials
from services.store.leaderboard import Point
from services.store.models import Sweep

MOVING = (SweepState.ACTIVE, SweepState.STOPPING)  # states in which workers are wanted


@dataclass(frozen=True)
class Standing:
    """A sweep and what has become of it so far."""

    sweep: Sweep
    spec: Spec
    plan: Plan
    counts: dict[str, int]  # trials per state; points not drawn are not among them
    epochs: dict[int, trials.Epochs]  # per shape
    best: list[Point]  # the best two points that have a value
    busy: float  # seconds spent training, summed over packs
    work: float  # the devices' work in them
    solo: dict[str, float]  # shape key → images/s of one trial alone, where that was measured
    at_once: int  # packs of it that train now; before any does, the devices that are alive
    idle: bool  # it wants to run, and no worker is there
    refused: bool  # it wants to run, and every worker that is there lacks its plug-ins
    setback: str | None  # nothing of it runs, because an attempt failed and the next one waits: why it failed


def of(session: Session, found: Sequence[Sweep]) -> list[Standing]:
    """The standing of each sweep."""
    counts = sweeps.counts(session, [sweep.id for sweep in found])
    alive = sum(devices.live(session).values())
    running = packs.running(session, [sweep.id for sweep in found])
    specs = {sweep.id: Spec.model_validate(sweep.spec) for sweep in found}
    best = leaderboard.top(session, {sweep_id: spec.objective for sweep_id, spec in specs.items()}, 2)
    return [
        _one(session, sweep, specs[sweep.id], best[sweep.id], counts[sweep.id], running[sweep.id], alive)
        for sweep in found
    ]


def _one(
    session: Session,
    sweep: Sweep,
    spec: Spec,
    best: list[Point],
    counts: dict[str, int],
    running: int,
    alive: int,
) -> Standing:
    plan = Plan.model_validate(sweep.plan)
    busy, work = speeds.spent(session, sweep.id)
    wants = sweep.state in MOVING and not counts.get(TrialState.RUNNING)
    return Standing(
        sweep=sweep,
        spec=spec,
        plan=plan,
        counts=counts,
        epochs=trials.epochs(session, sweep.id),
        best=best,
        busy=busy,
        work=work,
        solo=_solo(session, [shape.key for shape in plan.shapes]),
        at_once=running or alive,
        idle=wants and not alive,
        refused=wants and alive > 0 and not devices.live(session, sweep.plugins),
        setback=trials.setback(session, sweep.id) if wants else None,
    )


def _solo(session: Session, keys: Sequence[str]) -> dict[str, float]:
    """The fastest that one trial alone was seen to train: the comparison that flatters arrays least."""
    fastest: dict[str, float] = {}
    for speed in speeds.of_shapes(session, keys):
        if speed.width == 1:
            fastest[speed.shape_key] = max(speed.images_per_s, fastest.get(speed.shape_key, 0.0))
    return fastest
