"""How the points of a sweep stand, as its trials' rows say: read once, and again where that may change."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from services.domain.asking.result import TrialOutcome
from services.domain.states import TRIAL_FINAL
from services.store.json_rows import GIVEN_IDS, given_ids
from services.store.models import Sweep, Trial
from services.store.rung_decisions import RungDecision

MAX_COHORTS_NAMED = 100  # in a query; where more may have been decided, all decisions of the sweep are read

# Made once: an ask is in the way of the pack that waits for it.
_SWEEP = select(Sweep.next_number, Sweep.retried).where(Sweep.id == bindparam("sweep"))
_TRIALS = select(
    Trial.id,
    Trial.number,
    Trial.point,
    Trial.cohort,
    Trial.values,
    Trial.state,
    Trial.epoch,
    Trial.best_value,
    Trial.last_value,
)
_AGAIN = _TRIALS.where(Trial.id.in_(GIVEN_IDS))
_NEW = _TRIALS.where(Trial.sweep_id == bindparam("sweep"), Trial.number >= bindparam("below"))
_DECIDED = select(RungDecision.epoch, RungDecision.inputs).where(RungDecision.sweep_id == bindparam("sweep"))
_DECIDED_THERE = _DECIDED.where(RungDecision.cohort.in_(bindparam("cohorts", expanding=True)))


class PointOutcomes:
    """The values of a sweep's points, and how the trials of each stand.

    A trial that has ended changes only by a retry, which the sweep counts. So what is read again are trials
    that had not ended, those that are new, and all of them after a retry. `has_rungs`: a rule of the sweep
    compares points at rungs.
    """

    def __init__(self, sweep_id: str, has_rungs: bool) -> None:
        self._sweep_id, self._has_rungs = sweep_id, has_rungs
        self.values: dict[int, Mapping[str, Any]] = {}  # by point
        self.cohorts: dict[int, int] = {}  # by point
        self._trials: dict[int, dict[int, TrialOutcome]] = {}  # by point and by number
        self._decided: dict[int, dict[int, float | None]] = {}  # by point and by epoch
        self._unfinished: set[str] = set()
        self._below = 0  # every trial with a number below this one has been read
        self._retried = 0

    def trials(self, point: int) -> list[TrialOutcome]:
        """How the trials of a point stand, in the order of their numbers."""
        return [outcome for _, outcome in sorted(self._trials[point].items())]

    def decided(self, point: int) -> Mapping[int, float | None]:
        """The values by which a point was judged at rungs, by epoch."""
        return self._decided.get(point, {})

    def refresh(self, session: Session) -> list[int]:
        """Read what may have changed since the last time; returns the points that this concerns, in order."""
        # The sweep first: what changes between the two is newer than the numbers that stand here.
        below, retried = session.execute(_SWEEP, {"sweep": self._sweep_id}).one()
        if retried != self._retried:
            self._unfinished, self._below = set(), 0
        rows = list(session.execute(_NEW, {"sweep": self._sweep_id, "below": self._below}))
        if again := self._unfinished - {row.id for row in rows}:
            rows += session.execute(_AGAIN, given_ids(sorted(again)))
        self._below, self._retried = below, retried
        for row in rows:
            self.values.setdefault(row.point, row.values)
            self.cohorts[row.point] = row.cohort
            outcome = TrialOutcome(row.state, row.epoch, row.best_value, row.last_value)
            self._trials.setdefault(row.point, {})[row.number] = outcome
            (self._unfinished.discard if row.state in TRIAL_FINAL else self._unfinished.add)(row.id)
        changed = {row.point for row in rows}
        return sorted(changed | self._read_decisions(session, {row.cohort for row in rows}))

    def _read_decisions(self, session: Session, cohorts: Iterable[int]) -> set[int]:
        """Read what was decided in these cohorts: of each some trial waited when it was."""
        named, given = sorted(cohorts), {"sweep": self._sweep_id}
        if not named or not self._has_rungs:
            return set()
        few = len(named) <= MAX_COHORTS_NAMED
        rows = session.execute(*((_DECIDED_THERE, {**given, "cohorts": named}) if few else (_DECIDED, given)))
        found = set()
        for epoch, inputs in rows:
            for each in inputs:
                self._decided.setdefault(each["point"], {})[epoch] = each["value"]
                found.add(each["point"])
        return found & self._trials.keys()
