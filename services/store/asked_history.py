"""The history of a search by results, kept in the process between two asks: a copy of what rows hold.

It is a function of the rows alone, so it does not matter which process asks. A transaction takes what is
kept, brings it up to date and gives it back once it is committed: one that is rolled back has seen rows that
never were.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from sqlalchemy import event
from sqlalchemy.orm import Session

from services.domain.asking.history import History
from services.domain.asking.observations import PointResult
from services.domain.asking.result import point_result
from services.domain.config import overlay, read
from services.domain.plan import cohorts
from services.domain.plan.plan import Plan
from services.domain.spec.spec import Spec
from services.domain.spec.stop import rung_rule
from services.store import specs_and_plans
from services.store.kept import of_store
from services.store.models import Sweep
from services.store.point_outcomes import PointOutcomes

MAX_POINTS_KEPT = 100_000  # of all searches together
IN_USE = "asked_histories"  # in `session.info`, which ends with the transaction: those that it uses, by sweep


class KeptHistory:
    """The history of one sweep, and how the sweeps stood that it and its search's beginning were made of."""

    def __init__(self, session: Session, sweep: Sweep) -> None:
        self._own = PointOutcomes(sweep.id, _has_rungs(sweep.spec))
        others = {each: specs_and_plans.spec_of(session, each) for each in sweep.spec.warm_start}
        self._elsewhere = {each: PointOutcomes(each, _has_rungs(spec)) for each, spec in others.items()}
        self._history = History()

    def __len__(self) -> int:
        return len(self._own.values) + sum(len(each.values) for each in self._elsewhere.values())

    def refresh(self, session: Session, sweep: Sweep) -> History:
        """The history, with everything that this transaction sees."""
        spec, plan = sweep.spec, sweep.plan
        changed: Iterable[int] = self._own.refresh(session)
        if [sweep_id for sweep_id, each in self._elsewhere.items() if each.refresh(session)]:  # all are read
            elsewhere = [
                result
                for sweep_id, outcomes in self._elsewhere.items()
                for result in _elsewhere(session, sweep_id, outcomes, plan)
            ]
            self._history, changed = History(elsewhere=elsewhere), sorted(self._own.values)
        divided = cohorts.of_sweep(spec, plan)
        for index in changed:
            known = index < len(self._history)
            values = self._own.values[index]
            point = self._history.point(index) if known else plan.space.searched.point_of(values)
            if point is None:
                raise ValueError(
                    f"a trial of sweep {sweep.id} has values that its space does not have: {values}"
                )
            rungs = divided.plan(self._own.cohorts[index]).rungs
            trials, decided = self._own.trials(index), self._own.decided(index)
            self._history.put(index, point_result(point, trials, spec.objective, rungs, decided))
        return self._history


class KeptHistories:
    """The histories that were used last; one for each `Store`, by `of_store`."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, KeptHistory] = OrderedDict()

    def take(self, sweep_id: str) -> KeptHistory | None:
        """Take the history of a sweep: nobody else has it until it is given back."""
        return self._kept.pop(sweep_id, None)

    def give(self, histories: dict[str, KeptHistory]) -> None:
        """Give histories back, by sweep."""
        self._kept.update(histories)
        points = sum(len(each) for each in list(self._kept.values()))
        while points > MAX_POINTS_KEPT:
            points -= len(self._kept.popitem(last=False)[1])


def of_sweep(session: Session, sweep: Sweep) -> History:
    """The points that a sweep has asked for, in their order, with their results."""
    in_use: dict[str, KeptHistory] = session.info.setdefault(IN_USE, {})
    if sweep.id not in in_use:
        kept = of_store(session, KeptHistories).take(sweep.id)
        in_use[sweep.id] = kept or KeptHistory(session, sweep)
    return in_use[sweep.id].refresh(session, sweep)


@event.listens_for(Session, "after_commit")
def give_back(session: Session) -> None:
    """Keep the histories that a transaction has used."""
    if in_use := session.info.pop(IN_USE, None):
        of_store(session, KeptHistories).give(in_use)


def _has_rungs(spec: Spec) -> bool:
    return rung_rule(spec.stop) is not None


def _elsewhere(session: Session, sweep_id: str, outcomes: PointOutcomes, plan: Plan) -> list[PointResult]:
    """The results of another sweep at points of this one's space; the others are passed over.

    What is no axis there has the value of that sweep's config.
    """
    spec, other = specs_and_plans.of_sweep(session, sweep_id)
    space, divided, found = plan.space.searched, cohorts.of_sweep(spec, other), []
    for index, values in sorted(outcomes.values.items()):
        config, own = overlay(other.base, values), dict[str, Any]()
        for axis in plan.axes:
            with suppress(KeyError):
                own[axis.path] = read(config, axis.path)
        if (point := space.point_of(own)) is not None:
            rungs = divided.plan(outcomes.cohorts[index]).rungs
            trials, decided = outcomes.trials(index), outcomes.decided(index)
            found.append(point_result(point, trials, spec.objective, rungs, decided))
    return [result for result in found if result.value is not None or result.at_rungs]
