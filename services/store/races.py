"""Races: the later seeds of every point wait until those that are trained show which points need them.

They are held at epoch 0. Once everything else has ended, one more seed is released for each point that
contends for the best, and the seeds of all others are pruned: one transaction, stored as a decision.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import exists, insert, or_, select
from sqlalchemy.orm import Session

from services.domain.plan.cohorts import Cohorts
from services.domain.results import race
from services.domain.states import TRIAL_UNFINISHED, SweepState, TrialState
from services.store import moves
from services.store.clock import db_now
from services.store.models import Sweep, Trial
from services.store.rung_decisions import RungDecision

RULE = "race"


def decide(session: Session, sweep: Sweep, divided: Cohorts) -> int:
    """Release or prune seeds of a locked sweep, if all others have ended; returns how many trials move."""
    if not sweep.spec.race or (sweep.state == SweepState.ACTIVE and sweep.next_number < sweep.total):
        return 0
    mine = Trial.sweep_id == sweep.id
    trains = (
        Trial.state.in_(sorted(TRIAL_UNFINISHED)),
        or_(Trial.state != TrialState.HELD, Trial.until_epoch > 0),
    )
    if session.execute(select(exists().where(mine, *trains))).scalar_one():
        return 0
    waits = select(Trial).where(mine, Trial.state == TrialState.HELD).order_by(Trial.number)
    held = session.scalars(waits.with_for_update()).all()
    return _decide(session, sweep, divided, held) if held else 0


def _decide(session: Session, sweep: Sweep, divided: Cohorts, held: Sequence[Trial]) -> int:
    values = _values(session, sweep)
    kept = race.contenders(values, sweep.spec.objective, sweep.plan.seeds)
    replicate = min((trial.replicate for trial in held if trial.point in kept), default=held[0].replicate)
    worse = "it is worse than the best one, beyond the 95 % interval, or has fewer than two values"
    reason = f"after {replicate} seeds {worse}"
    if not kept:
        reason = f"after {replicate} seeds the best one is known"
    moved = []
    for trial in held:
        if trial.point not in kept:
            trial.stopped = {"rule": RULE, "reason": reason}
            moved.append((trial, TrialState.PRUNED))
        elif trial.replicate == replicate:
            trial.until_epoch = divided.next_stop(trial.cohort, 0, trial.target_epoch)
            moved.append((trial, TrialState.PENDING))
    moves.move_trials(session, sweep.id, moved)
    inputs = [{"point": point, "trials": [], "values": found} for point, found in sorted(values.items())]
    key = {"sweep_id": sweep.id, "cohort": -replicate, "epoch": 0}
    session.execute(insert(RungDecision).values(**key, at=db_now(), rule=RULE, inputs=inputs, kept=kept))
    return len(moved)


def _values(session: Session, sweep: Sweep) -> dict[int, dict[int, float | None]]:
    """The objective of each trial that has trained to its end, by point and replicate."""
    column: Any = Trial.best_value if sweep.spec.objective.at == "best" else Trial.last_value
    ended = Trial.sweep_id == sweep.id, Trial.state == TrialState.SUCCEEDED
    found: dict[int, dict[int, float | None]] = {}
    for point, replicate, value in session.execute(
        select(Trial.point, Trial.replicate, column).where(*ended)
    ):
        found.setdefault(point, {})[replicate] = value
    return found
