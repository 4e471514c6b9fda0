"""A race between points: more seeds go only to those that the interval cannot separate from the best."""

from __future__ import annotations

import statistics
from collections.abc import Mapping

from services.domain.plan.repeats import Repeats
from services.domain.results.comparison import Side, Values, compare
from services.domain.results.intervals import is_usable
from services.domain.spec.objective import Objective

FIRST_SEEDS = 3  # of every point; with two, Student's interval is thirteen standard errors wide


def contenders(values: Mapping[int, Values], objective: Objective, seeds: int) -> list[int]:
    """Return the points that may still be the best, best first; none if that is known.

    `values` are the objective by point and replicate. A point contends unless the 95 % interval of its paired
    difference from the best one lies on the worse side of 0. Intervals are not corrected for the number of
    points, so a race of many points drops one of the best a little more often than in 2.5 of 100 cases.
    """
    usable = {
        point: own
        for point, given in values.items()
        if len(own := {at: value for at, value in given.items() if is_usable(value)}) > 1
    }
    means = {point: statistics.mean(own.values()) for point, own in usable.items()}
    ordered = sorted(means, key=lambda point: (objective.key(means[point]), point))
    if not ordered:
        return []
    best, *others = ordered
    found = [best]
    for other in others:
        compared = compare(
            Side(point=best, values=usable[best]),
            Side(point=other, values=usable[other]),
            objective.goal,
            Repeats(seeds),
        )
        if not (compared.differs and (compared.difference or 0.0) > 0):
            found.append(other)
    return found if len(found) > 1 else []
