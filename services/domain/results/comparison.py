"""The best point against the runner-up: whether they differ over the replicates for which both have a value.

The comparison is paired. Trials of one replicate see the same batches in the same order whatever their
point (common random numbers), so what they share drops out of the difference of their values, and the
interval of the mean difference is often much narrower than the two means' own intervals suggest.

It does not account for the choice of the points. The best of many points is the best partly by luck, so its
mean is biased towards the better side, the more so the more points and the fewer seeds there are. And where
there is no difference, a comparison with the runner-up finds one more often than in 5 of 100 cases. More
seeds reduce both; training the winner again with another seed gives an unbiased value.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict

from services.domain.plan.repeats import Repeats
from services.domain.results.intervals import interval, is_usable, rounded

ROUNDING = 1e-12  # relative; values that differ by less are equal but for the rounding of a subtraction

Values = Mapping[int, float | None]  # by seed or fold


class Comparison(BaseModel):
    """The best point against the runner-up: how much better it is, in the direction of the goal.

    `differs` is whether the interval of the mean difference excludes 0; null if no interval can be formed.
    """

    model_config = ConfigDict(frozen=True)

    best: int  # points' numbers
    runner_up: int
    difference: float | None
    low: float | None
    high: float | None
    n: int  # seeds, or folds, for which both have a value
    differs: bool | None
    words: str


class Side(BaseModel):
    """One point of a comparison: its number and its values by seed, or by fold."""

    model_config = ConfigDict(frozen=True)

    point: int
    values: Values


def compare(
    best: Side, runner_up: Side, goal: Literal["maximize", "minimize"], repeats: Repeats
) -> Comparison:
    """Compare over common seeds or folds; one without a finite value on either side is left out."""
    ours, theirs = _common(best.values, runner_up.values)
    differences = _differences(ours, theirs, 1 if goal == "maximize" else -1)
    ends = interval(differences)
    if ends is not None and ends[0] == ends[1] != 0:
        # Values of a small validation part are coarse: a few seeds can give one and the same difference by
        # chance, and an interval without width would call it certain.
        ends = None
    return Comparison(
        best=best.point,
        runner_up=runner_up.point,
        difference=statistics.mean(differences) if differences else None,
        low=None if ends is None else ends[0],
        high=None if ends is None else ends[1],
        n=len(differences),
        differs=None if ends is None else not ends[0] <= 0 <= ends[1],
        words=_sentence(ours, theirs, differences, ends, repeats),
    )


def _common(ours: Values, theirs: Values) -> tuple[list[float], list[float]]:
    """The values of the replicates that both sides have one of, in one order."""
    pairs = [
        (mine, other)
        for replicate, mine in sorted(ours.items())
        for other in [theirs.get(replicate)]
        if is_usable(mine) and is_usable(other)
    ]
    return [a for a, _ in pairs], [b for _, b in pairs]


def _differences(ours: Sequence[float], theirs: Sequence[float], sign: int) -> list[float]:
    """The difference of each pair; differences that are equal but for rounding are made equal."""
    found = [sign * (a - b) for a, b in zip(ours, theirs, strict=True)]
    noise = ROUNDING * max(map(abs, [*ours, *theirs]), default=0.0)
    if found and max(found) - min(found) <= noise:
        found = [0.0 if abs(found[0]) <= noise else found[0]] * len(found)
    return found


def _sentence(
    ours: Sequence[float],
    theirs: Sequence[float],
    differences: Sequence[float],
    ends: tuple[float, float] | None,
    repeats: Repeats,
) -> str:
    """The comparison as a sentence."""
    unknown = "so whether the best differs from the runner-up is not known"
    n, unit = len(differences), repeats.unit
    if n == 0:
        return f"the best and the runner-up have no {unit} in common with a value of both, {unknown}"
    if n == 1:
        return f"{'one seed' if repeats.units == 1 else f'one common {unit} so far'}: no interval, {unknown}"
    difference = statistics.mean(differences)
    if ends is None:
        size = rounded(abs(difference), abs(difference))
        order, seen = ("ahead", "") if difference > 0 else ("behind", "common ")
        return (
            f"the best is {order} by {size} on each of {n} {seen}{unit}s: "
            f"without any spread there is no interval, {unknown}"
        )
    half = (ends[1] - ends[0]) / 2
    if half == 0:
        return f"the best and the runner-up have the same value on each of {n} {unit}s"
    means = statistics.mean(ours), statistics.mean(theirs)
    a, b, size, low, high = (rounded(value, half) for value in (*means, difference, *ends))
    numbers = f"difference {size}, 95 % interval {low} to {high} over {n} {unit}s"
    if ends[0] <= 0 <= ends[1]:
        return f"the best ({a}) and the runner-up ({b}) cannot be told apart: {numbers}"
    order = "is better than" if difference > 0 else f"is worse on the common {unit}s than"
    return f"the best ({a}) {order} the runner-up ({b}): {numbers}"
