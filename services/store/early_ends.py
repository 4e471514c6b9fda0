"""Early ends: a rule of the spec ends a whole sweep, as once its target is reached or its time is over."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from services.domain.spec.stop import sweep_rules
from services.domain.states import TRIAL_WAITING, PackState, SweepState, TrialState, in_order
from services.store import moves, set_aside, specs_and_plans, sweeps
from services.store.clock import db_now
from services.store.models import Pack, Sweep, Trial
from services.store.session import Store


def end_all(store: Store) -> int:
    """End every sweep that a rule of its own ends; returns how many."""
    ended = 0
    for sweep_id in store.read(_active):
        ended += bool(set_aside.treat(store, set_aside.DECIDE, sweep_id, partial(check, sweep_id=sweep_id)))
    return ended


def _active(session: Session) -> Sequence[str]:
    """Active sweeps that have such a rule."""
    active = Sweep.state == SweepState.ACTIVE, Sweep.started_at.is_not(None)
    query = select(Sweep).where(*active, set_aside.is_due(set_aside.DECIDE))
    page = session.scalars(query.options(*specs_and_plans.later())).all()
    specs_and_plans.give(session, page)
    return [sweep.id for sweep in page if not sweep.fault and sweep_rules(sweep.spec.stop)]


def check(session: Session, sweep_id: str) -> bool:
    """End a sweep if a rule says so; returns whether it does."""
    sweep = sweeps.lock(session, sweep_id)
    if sweep.state != SweepState.ACTIVE:
        return False
    specs_and_plans.give(session, [sweep])
    objective = sweep.spec.objective
    extreme = func.max if objective.goal == "maximize" else func.min
    best, now = session.execute(
        select(extreme(Trial.best_value), db_now()).where(Trial.sweep_id == sweep_id)
    ).one()
    seconds = (now - sweep.started_at) / 1000 if sweep.started_at is not None else 0.0
    for rule in sweep_rules(sweep.spec.stop):
        if reason := rule.reason(best, seconds, objective):
            end(session, sweep, rule.name, reason)
            return True
    return False


def end(session: Session, sweep: Sweep, rule: str, reason: str) -> None:
    """End a locked, active sweep: trials that train end with their epoch, the others at once."""
    ended_by = {"rule": rule, "reason": reason, "now": True}
    moves.move_sweep(session, sweep, SweepState.STOPPING, ended_by=ended_by)
    queued = Pack.sweep_id == sweep.id, Pack.state == PackState.QUEUED
    # Locked, so that a worker that takes one just now comes before or after.
    session.execute(select(Pack.id).where(*queued).order_by(Pack.id).with_for_update())
    moves.move_packs_where(
        session, PackState.QUEUED, PackState.WITHDRAWN, *queued, outcome=f"{rule}: {reason}"
    )
    moves.move_trials_where(session, sweep.id, TrialState.QUEUED, TrialState.PENDING)
    for state in in_order(TRIAL_WAITING - {TrialState.QUEUED}):
        stopped = {"rule": rule, "reason": reason}
        begun = Trial.epoch > 0
        moves.move_trials_where(session, sweep.id, state, TrialState.PRUNED, begun, stopped=stopped)
        moves.move_trials_where(session, sweep.id, state, TrialState.CANCELLED)


def draw_no_more(session: Session, sweep: Sweep, rule: str, reason: str) -> None:
    """End the drawing of trials of a locked, active sweep; those that were drawn go on."""
    ended_by = {"rule": rule, "reason": reason, "now": False}
    moves.move_sweep(session, sweep, SweepState.STOPPING, ended_by=ended_by)
