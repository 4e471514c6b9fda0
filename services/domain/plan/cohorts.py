"""Cohorts: which points of a sweep are compared with one another, and after which epochs."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from itertools import accumulate

from services.domain.plan.packing import MIN_WIDTH
from services.domain.plan.plan import Plan
from services.domain.random_numbers import permuted
from services.domain.results.race import FIRST_SEEDS
from services.domain.spec.objective import Objective
from services.domain.spec.spec import Spec
from services.domain.spec.stop import rung_rule
from services.domain.stopping import CohortPlan, PointAtRung, RungRule


class Cohorts:
    """The cohorts of a sweep's points.

    Points that are numbered one after the other often have a value in common, so those of each `block` are
    divided at random, by hashes of the seed.
    """

    def __init__(self, cohorts: Sequence[CohortPlan], block: int = 1, seed: int = 0) -> None:
        self._cohorts, self._block, self._seed = cohorts, block, seed
        self._ends = list(accumulate(cohort.points for cohort in cohorts))

    def of(self, point: int) -> int:
        """The cohort of a point."""
        if len(self._cohorts) == 1:
            return 0
        start = point // self._block * self._block
        size = min(self._block, self._ends[-1] - start)
        place = start + permuted(point - start, size, self._seed, "cohort", start)
        return bisect_right(self._ends, place)

    def plan(self, cohort: int) -> CohortPlan:
        """How many points a cohort has, and where its rungs are."""
        return self._cohorts[cohort]

    @property
    def has_rungs(self) -> bool:
        """Whether some trial waits at a rung."""
        return any(cohort.rungs for cohort in self._cohorts)

    def next_stop(self, cohort: int, epoch: int, target: int) -> int:
        """Where a trial of a cohort stops next behind an epoch: at a rung, or at its target."""
        return next((rung for rung in self.plan(cohort).rungs if epoch < rung < target), target)


def of_sweep(spec: Spec, plan: Plan) -> Cohorts:
    """The cohorts of a sweep; a repeated trial stops where the trial that it repeats did."""
    if plan.pin:
        return Cohorts([CohortPlan(1, tuple(segment.until for segment in plan.pin.segments[:-1]))])
    rule = _rule(spec, plan)
    return _divided(rule, plan.points, plan.shapes[0].epochs, plan.space.seed) if rule else UNDIVIDED


def _rule(spec: Spec, plan: Plan) -> RungRule | None:
    """The rule that compares points at rungs, as it is for the sweep's kind of search."""
    rule = rung_rule(spec.stop)
    by_results = rule is not None and plan.asked is not None and plan.shapes
    return rule.by_results(plan.shapes[0].epochs, MIN_WIDTH) if rule and by_results else rule


@lru_cache
def _divided(rule: RungRule, points: int, epochs: int, seed: int) -> Cohorts:
    return Cohorts(rule.cohorts(points, epochs), rule.block(points), seed)


def expected_epochs(spec: Spec, plan: Plan) -> int:
    """How many epochs all trials train together, if no two points are equally good and none fails.

    Of a race those of the first seeds.
    """
    seeds = min(plan.seeds, FIRST_SEEDS) if spec.race else plan.replicates
    whole = plan.epochs // plan.replicates * seeds
    rule = _rule(spec, plan)
    if rule is None or not plan.shapes or plan.pin:
        return whole
    epochs = plan.shapes[0].epochs
    alike = Counter(rule.cohorts(plan.points, epochs))
    each = ((_epochs_of(rule, cohort, epochs, spec.objective), count) for cohort, count in alike.items())
    return sum(trained * count for trained, count in each) * seeds


def _epochs_of(rule: RungRule, cohort: CohortPlan, epochs: int, objective: Objective) -> int:
    left, trained, start = list(range(cohort.points)), 0, 0
    for index, rung in enumerate(cohort.rungs):
        trained += len(left) * (rung - start)
        there = [PointAtRung(point, float(point), float(point)) for point in left]
        left, start = sorted(rule.kept(there, index, cohort.points, objective)), rung
    return trained + len(left) * (epochs - start)


UNDIVIDED = Cohorts([CohortPlan(0, ())])
