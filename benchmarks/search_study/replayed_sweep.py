"""A sweep whose epochs are looked up in recorded curves, while the service's own functions decide.

Searches propose points, cohorts and rules of early stopping say which go on, and the ranking chooses, as for
a sweep that trains. What is modelled here is only in which order packs end: `PLACES` devices, on which an
epoch of any pack takes equally long.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import fmean

from benchmarks.search_study.methods import Method
from benchmarks.search_study.recorded_curves import Curve, RecordedCurves
from benchmarks.search_study.study_space import StudySpace
from services.domain import search
from services.domain.asking.ask import ask
from services.domain.asking.history import History
from services.domain.asking.observations import AskedPoint, PointResult
from services.domain.asking.result import TrialOutcome, point_result
from services.domain.plan.cohorts import UNDIVIDED, Cohorts
from services.domain.plan.packing import MIN_WIDTH
from services.domain.random_numbers import unit
from services.domain.results.ranking import rank
from services.domain.search import AskedSearch, IndexedSearch
from services.domain.spec.objective import Objective
from services.domain.spec.stop import rung_rule, trial_rules
from services.domain.states import TRIAL_UNFINISHED, TrialState
from services.domain.stopping import PointAtRung, TrialRule
from services.store.asked import LEAST_ASKS

PLACES = 2


@dataclass(frozen=True)
class Replayed:
    """What a method has spent, in epochs, and the point that it has chosen."""

    epochs: int
    point: int


@dataclass
class ReplayedTrial:
    """A trial that reads its epochs from a curve; `number` in its sweep, `point` among those recorded."""

    number: int
    point: int
    curve: Curve
    objective: Objective
    cohort: int
    until: int
    asked: AskedPoint | None = None
    epoch: int = 0
    state: TrialState = TrialState.PENDING

    @property
    def seen(self) -> Curve:
        """Its epochs so far."""
        return self.curve[: self.epoch]

    @property
    def best_epoch(self) -> int:
        """The epoch with its best value, the first of equal ones."""
        return 1 + min(range(self.epoch), key=lambda epoch: self.objective.key(self.curve[epoch]))

    @property
    def best(self) -> float | None:
        """Its best value so far."""
        return self.curve[self.best_epoch - 1] if self.epoch else None

    @property
    def last(self) -> float | None:
        """Its last value so far."""
        return self.seen[-1] if self.epoch else None

    @property
    def value(self) -> float | None:
        """Its value by the objective."""
        return self.best if self.objective.at == "best" else self.last

    def train(self, rules: Sequence[TrialRule]) -> None:
        """Train up to its next stop, or until a rule ends it."""
        while self.epoch < self.until:
            self.epoch += 1
            here = self.epoch, self.best_epoch
            if self.epoch < len(self.curve) and any(rule.reason(*here) for rule in rules):
                self.state = TrialState.PRUNED
                return
        self.state = TrialState.SUCCEEDED if self.epoch == len(self.curve) else TrialState.HELD


class ReplayedSweep:
    """One repeat of a method: `repeat` is the sweep's seed, and chooses one recorded seed of each point."""

    def __init__(self, recorded: RecordedCurves, space: StudySpace, method: Method, repeat: int) -> None:
        self._recorded, self._space, self._repeat = recorded, space, repeat
        self._objective, self._epochs = recorded.ranked_by, recorded.epochs
        self._search = search.get(method.search)
        self._points = len(recorded.points) if method.points is None else method.points
        self._rule, self._rules = rung_rule(method.rules), trial_rules(method.rules)
        self._cohorts = UNDIVIDED
        if self._rule and isinstance(self._search, AskedSearch):
            self._rule = self._rule.by_results(self._epochs, MIN_WIDTH)
        if self._rule:
            plans = self._rule.cohorts(self._points, self._epochs)
            self._cohorts = Cohorts(plans, self._rule.block(self._points), repeat)
        self._indexed = self._indices() if isinstance(self._search, IndexedSearch) else iter(())
        self._trials: list[ReplayedTrial] = []
        self._decided: dict[int, dict[int, float | None]] = {}  # values at rungs, by point and by epoch

    def run(self) -> Replayed:
        """Train all of it."""
        running: list[tuple[int, int, list[ReplayedTrial]]] = []  # by the time at which a pack ends
        now = started = 0
        while True:
            while len(running) < PLACES and (pack := self._waiting() or self._draw()):
                for trial in pack:
                    trial.state = TrialState.RUNNING
                heapq.heappush(running, (now + pack[0].until - pack[0].epoch, started, pack))
                started += 1
            if not running:
                break
            now, _, pack = heapq.heappop(running)
            for trial in pack:
                trial.train(self._rules)
            self._decide()
        chosen = min(
            self._trials, key=lambda each: (*rank(each.state, each.value, self._objective), each.number)
        )
        return Replayed(sum(trial.epoch for trial in self._trials), chosen.point)

    def _waiting(self) -> list[ReplayedTrial]:
        """The trials of the next pack of those that wait: all go on from one epoch of one cohort."""
        pending = [trial for trial in self._trials if trial.state == TrialState.PENDING]
        alike = [t for t in pending if (t.cohort, t.epoch) == (pending[0].cohort, pending[0].epoch)]
        return alike[: self._space.width]

    def _draw(self) -> list[ReplayedTrial]:
        """Draw the trials of the next pack of new points; none if there are no more."""
        left = self._points - len(self._trials)
        if isinstance(self._search, AskedSearch):
            count = min(self._space.width, max(self._points // LEAST_ASKS, MIN_WIDTH), left)
            history = History(self._result(trial) for trial in self._trials)
            drawn = ask(self._search, self._space.searched, history, count, self._repeat) if left else []
            if not drawn:
                self._points = len(self._trials)
            return [self._add(self._space.number(point), point) for point in drawn]
        count = min(self._space.width, left)
        return [self._add(point) for _, point in zip(range(count), self._indexed, strict=False)]

    def _add(self, point: int, asked: AskedPoint | None = None) -> ReplayedTrial:
        number, seeds = len(self._trials), self._recorded.curves[point]
        cohort = self._cohorts.of(number)
        until = self._cohorts.next_stop(cohort, 0, self._epochs)
        curve = seeds[seed_of(self._repeat, point, len(seeds))]
        self._trials.append(ReplayedTrial(number, point, curve, self._objective, cohort, until, asked))
        return self._trials[-1]

    def _indices(self) -> Iterator[int]:
        """The recorded points that an indexed search visits, in the order of the sweep."""
        assert isinstance(self._search, IndexedSearch)
        sizes, first = self._space.sizes, 0
        visits = self._search.visits(sizes, self._points, self._repeat)
        for shape, (size, visited) in enumerate(zip(sizes, visits, strict=True)):
            for position in range(visited):
                yield first + self._search.index(position, size, self._repeat, shape)
            first += size

    def _result(self, trial: ReplayedTrial) -> PointResult:
        assert trial.asked
        outcome = TrialOutcome(trial.state, trial.epoch, trial.best, trial.last)
        rungs, decided = self._cohorts.plan(trial.cohort).rungs, self._decided.get(trial.number)
        return point_result(trial.asked, [outcome], self._objective, rungs, decided)

    def _decide(self) -> None:
        """Decide at every rung at which all trials of its cohort wait."""
        held = [trial for trial in self._trials if trial.state == TrialState.HELD]
        for cohort, rung in sorted({(trial.cohort, trial.until) for trial in held}):
            there = [trial for trial in held if (trial.cohort, trial.until) == (cohort, rung)]
            if self._rule and self._is_complete(cohort, rung):
                plan = self._cohorts.plan(cohort)
                points = [PointAtRung(each.number, each.value, fmean(each.seen)) for each in there]
                for each in points:
                    self._decided.setdefault(each.point, {})[rung] = each.value
                kept = self._rule.kept(points, plan.rungs.index(rung), plan.points, self._objective)
                for trial in there:
                    goes_on = trial.number in kept
                    trial.state = TrialState.PENDING if goes_on else TrialState.PRUNED
                    trial.until = self._cohorts.next_stop(cohort, rung, self._epochs) if goes_on else rung

    def _is_complete(self, cohort: int, rung: int) -> bool:
        """Whether all trials of a cohort have been drawn, and none is on its way to this rung."""
        drawn = [trial for trial in self._trials if trial.cohort == cohort]
        if any(
            trial.state in TRIAL_UNFINISHED and trial.until <= rung and trial.state != TrialState.HELD
            for trial in drawn
        ):
            return False
        return len(drawn) >= self._cohorts.plan(cohort).points or len(self._trials) >= self._points


def seed_of(repeat: int, point: int, seeds: int) -> int:
    """Which of a point's recorded seeds a repeat sees: each point's own, so that repeats differ."""
    return int(unit(repeat, "recorded seed", point) * seeds)
