"""Rungs: once all trials of a cohort wait at one, which of them go on is decided, in one transaction.

The decision is stored with its inputs. A trial that comes to a decided rung later, as after a retry, is
judged by that decision.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from statistics import fmean
from typing import Any

from sqlalchemy import exists, func, insert, select
from sqlalchemy.orm import Session

from services.domain.plan import cohorts
from services.domain.plan.cohorts import Cohorts
from services.domain.spec.objective import Objective
from services.domain.spec.stop import rung_rule
from services.domain.states import SWEEP_DISPATCHABLE, TRIAL_UNFINISHED, SweepState, TrialState
from services.domain.stopping import PointAtRung, RungRule
from services.store import budgets, moves, races, set_aside, specs_and_plans, sweeps
from services.store.clock import db_now
from services.store.models import HELD, Report, Sweep, Trial
from services.store.rung_decisions import RungDecision
from services.store.session import Store

_HELD_SOMEWHERE = select(Sweep.id).where(
    Sweep.state.in_(sorted(SWEEP_DISPATCHABLE)),
    exists().where(Trial.sweep_id == Sweep.id, HELD),
    set_aside.is_due(set_aside.DECIDE),
)


def decide_all(store: Store, only: str | None = None) -> int:
    """Decide every rung that can be, of all sweeps or of one; returns how many trials have moved."""
    query = _HELD_SOMEWHERE if only is None else _HELD_SOMEWHERE.where(Sweep.id == only)
    moved = 0
    for sweep_id in store.read(lambda session: session.scalars(query).all()):
        work = partial(decide, sweep_id=sweep_id)
        moved += set_aside.treat(store, set_aside.DECIDE, sweep_id, work) or 0
    return moved


def decide(session: Session, sweep_id: str) -> int:
    """Decide every rung of a sweep at which all trials of its cohort wait; returns how many trials move."""
    sweep = sweeps.lock(session, sweep_id)
    if sweep.state not in SWEEP_DISPATCHABLE:
        return 0
    specs_and_plans.give(session, [sweep])
    # What waits for a race stands at epoch 0.
    waiting = Trial.sweep_id == sweep_id, Trial.state == TrialState.HELD, Trial.until_epoch > 0
    rungs = session.execute(select(Trial.cohort, Trial.until_epoch).where(*waiting).distinct()).all()
    divided, moved = cohorts.of_sweep(sweep.spec, sweep.plan), 0
    for cohort, epoch in sorted(tuple(rung) for rung in rungs):
        decision = session.get(RungDecision, (sweep_id, cohort, epoch))
        if decision is None and not _is_complete(session, sweep, divided, cohort, epoch):
            continue
        # Read only now: a worker may have committed the last ones since, and it does not hold the sweep.
        there = select(Trial).where(*waiting, Trial.cohort == cohort, Trial.until_epoch == epoch)
        trials = session.scalars(there.order_by(Trial.number).with_for_update()).all()
        decision = decision or _decide(session, sweep, divided, trials)
        moved += _move(session, sweep, divided, decision, trials)
    return moved + races.decide(session, sweep, divided)


def _is_complete(session: Session, sweep: Sweep, divided: Cohorts, cohort: int, epoch: int) -> bool:
    """Whether all trials of a cohort have been drawn, and none is still on its way to this rung."""
    mine = Trial.sweep_id == sweep.id, Trial.cohort == cohort
    here = Trial.state == TrialState.HELD, Trial.until_epoch == epoch
    on_its_way = select(
        exists().where(
            *mine,
            Trial.state.in_(sorted(TRIAL_UNFINISHED)),
            Trial.until_epoch.between(1, epoch),  # what waits for a race has not begun
            ~(here[0] & here[1]),
        )
    )
    if session.execute(on_its_way).scalar_one():
        return False
    if sweep.state != SweepState.ACTIVE or sweep.next_number >= sweep.total:
        return True  # no other trial will be drawn
    drawn = session.execute(select(func.count()).where(*mine)).scalar_one()
    return bool(drawn >= divided.plan(cohort).points * sweep.plan.replicates)


def _decide(session: Session, sweep: Sweep, divided: Cohorts, trials: Sequence[Trial]) -> RungDecision:
    """Compare the points that wait at a rung, and store which go on."""
    cohort, epoch = trials[0].cohort, trials[0].until_epoch
    rule, plan = rung_rule(sweep.spec.stop), divided.plan(cohort)
    reused = _reused_at_rung(session, sweep, cohort, epoch)
    there = _at_rung(session, trials, reused, sweep.spec.objective, rule)
    if rule is None:  # the sweep repeats a trial that went on here
        kept = [each.point for each in there]
    else:
        kept = rule.kept(there, plan.rungs.index(epoch), plan.points, sweep.spec.objective)
    by_point = _by_point(trials)  # a reused trial has trained all its epochs: nothing is to be paid for it
    kept = budgets.affordable(session, sweep, [(point, by_point.get(point, ())) for point in kept], divided)
    by_point = _by_point([*trials, *reused])
    inputs = [
        {"point": each.point, "trials": [trial.number for trial in by_point[each.point]], "value": each.value}
        for each in there
    ]
    values = {"rule": rule.name if rule else "repeated", "inputs": inputs, "kept": kept}
    key = {"sweep_id": sweep.id, "cohort": cohort, "epoch": epoch}
    session.execute(insert(RungDecision).values(**key, **values, at=db_now()))
    return session.get_one(RungDecision, (sweep.id, cohort, epoch))


def _move(
    session: Session, sweep: Sweep, divided: Cohorts, decision: RungDecision, trials: Sequence[Trial]
) -> int:
    """Send the trials at a decided rung on, or end them."""
    verdict = _Verdict.of(decision, sweep.spec.objective)
    moved = []
    for trial in trials:
        trial.stopped = verdict.against(trial)
        if trial.stopped:
            moved.append((trial, TrialState.PRUNED))
            continue
        trial.until_epoch = divided.next_stop(trial.cohort, trial.until_epoch, trial.target_epoch)
        trial.width = trial.row = None  # those that go on are gathered into full arrays
        trial.not_before = 0
        moved.append((trial, TrialState.PENDING))
    moves.move_trials(session, sweep.id, moved)
    return len(moved)


@dataclass(frozen=True)
class _Verdict:
    """A decision as it applies to one trial: the points that go on, and the places and values of all."""

    decision: RungDecision
    objective: Objective
    kept: frozenset[int]
    values: Mapping[int, float | None]
    places: Mapping[int, int]

    @classmethod
    def of(cls, decision: RungDecision, objective: Objective) -> _Verdict:
        values = {each["point"]: each["value"] for each in decision.inputs}
        ordered = sorted(values, key=lambda point: (objective.key(values[point]), point))
        places = {point: place for place, point in enumerate(ordered, 1)}
        return cls(decision, objective, frozenset(decision.kept), values, places)

    def against(self, trial: Trial) -> dict[str, Any] | None:
        """Why a trial ends here; None if it goes on."""
        if trial.point in self.kept:
            return None
        place = self.places.get(trial.point)
        if place is None:
            worst = max((self.objective.key(self.values[point]) for point in self.kept), default=0.0)
            own = _value(trial, self.objective)
            if own is not None and self.objective.key(own) <= worst:
                return None
            reason = f"came after the decision, with a value no better than the {len(self.kept)} that went on"
        else:
            reason = f"place {place} of {len(self.places)} points, of which {len(self.kept)} went on"
        return {"rule": self.decision.rule, "rung": self.decision.epoch, "reason": reason}


def _reused_at_rung(session: Session, sweep: Sweep, cohort: int, epoch: int) -> list[Trial]:
    """The trials of a cohort that have the result of another sweep's, as far as they would have come here.

    A point that an earlier rung has not let go on takes no part, as if its trials had been trained up to that
    one; they keep their results.
    """
    query = select(Trial).where(
        Trial.sweep_id == sweep.id, Trial.cohort == cohort, Trial.reused_from.is_not(None)
    )
    earlier = select(RungDecision.kept).where(
        RungDecision.sweep_id == sweep.id, RungDecision.cohort == cohort, RungDecision.epoch < epoch
    )
    kept = [set(points) for points in session.scalars(earlier)]
    found = session.scalars(query.order_by(Trial.number)).all()
    return [trial for trial in found if all(trial.point in points for points in kept)]


def _at_rung(
    session: Session,
    trials: Sequence[Trial],
    reused: Sequence[Trial],
    objective: Objective,
    rule: RungRule | None,
) -> list[PointAtRung]:
    """What each point is judged by: trials that wait at a rung, and reused ones by their epochs up to it."""
    values = {trial.id: _value(trial, objective) for trial in trials}
    averages: dict[str, float | None] = {}
    needs = rule is not None and rule.needs_averages
    if curves := _curves(session, [*reused, *(trials if needs else ())], objective, trials[0].until_epoch):
        for trial in reused:
            best = min(curves[trial.id], key=lambda at: objective.key(at[1]), default=(0, None))
            last = next((value for epoch, value in curves[trial.id] if epoch == trials[0].until_epoch), None)
            values[trial.id] = best[1] if objective.at == "best" else last
        averages = {each: _mean(value for _, value in curve) for each, curve in curves.items()}
    return [
        PointAtRung(
            point,
            _mean(values[trial.id] for trial in own),
            _mean(averages.get(trial.id) for trial in own) if needs else None,
        )
        for point, own in sorted(_by_point([*trials, *reused]).items())
    ]


def _by_point(trials: Sequence[Trial]) -> dict[int, list[Trial]]:
    found: dict[int, list[Trial]] = {}
    for trial in trials:
        found.setdefault(trial.point, []).append(trial)
    return found


def _value(trial: Trial, objective: Objective) -> float | None:
    return trial.best_value if objective.at == "best" else trial.last_value


def _curves(
    session: Session, trials: Sequence[Trial], objective: Objective, until: int
) -> dict[str, list[tuple[int, float]]]:
    """The objective of each trial after each epoch up to a rung, where it is a number."""
    found: dict[str, list[tuple[int, float]]] = {trial.id: [] for trial in trials}
    if not found:
        return {}
    mine = Report.trial_id.in_(list(found)), Report.epoch <= until
    query = select(Report.trial_id, Report.epoch, Report.metrics).where(*mine)
    for trial_id, epoch, metrics in session.execute(query.order_by(Report.trial_id, Report.epoch)):
        value = metrics.get(objective.metric)
        if isinstance(value, int | float):
            found[trial_id].append((epoch, value))
    return found


def _mean(values: Any) -> float | None:
    """The mean of the values that there are."""
    there = [value for value in values if value is not None]
    return fmean(there) if there else None
