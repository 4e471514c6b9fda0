"""How often the 95 % intervals of effects and importances hold the truth, in simulated random searches.

Run: python -m benchmarks.effects_coverage [N]. There are five axes: much depends on a learning rate, little
on a list of three, nothing on two ranges and a list of two; noise is normal. The truth is what 20,000 points
give.
"""

import math
import random
import sys
from collections.abc import Callable, Sequence
from typing import Any

from services.domain.plan.axis import Axis, ListedAxis, RangeAxis
from services.domain.plan.point_label import PointLabels
from services.domain.results import importance
from services.domain.results.compared import ComparedPoint, ComparedPoints, LeftOutTrials
from services.domain.results.effects import Effects, effects
from services.domain.spec.objective import Objective

SIZES = (12, 30, 100, 300)
MANY = 20_000
RATE = RangeAxis(name="lr", path="lr", row=True, low=1e-4, high=1e-1, log=True)
IDLE = [RangeAxis(name=name, path=name, row=True, low=0, high=1) for name in ("a", "b")]
KERNEL = ListedAxis(name="kernel", path="kernel", row=True, values=[3, 5, 7], written=[3, 5, 7])
COIN = ListedAxis(name="coin", path="coin", row=True, values=[0, 1], written=[0, 1])
AXES: Sequence[Axis] = [RATE, *IDLE, KERNEL, COIN]


def search(rng: random.Random, n: int) -> Effects:
    """Draw n points at random, and compare them."""
    points = []
    for number in range(n):
        values: dict[str, Any] = {axis.path: axis.value(axis.at(rng.random())) for axis in AXES}
        value = 0.85 - 0.02 * (math.log10(values["lr"]) + 2) ** 2 - 0.01 * (values["kernel"] == 3)
        points.append(ComparedPoint(number, values, (value + rng.gauss(0, 0.01),)))
    compared = ComparedPoints(points, 1, LeftOutTrials())
    return effects(AXES, PointLabels(AXES), compared, Objective())


Ends = tuple[float | None, float | None, float | None]  # of an interval, and between them its value


def shares(found: Effects) -> list[Ends]:
    """Each importance with its ends."""
    return [(i.low, i.share, i.high) for axis in found.axes if (i := axis.importance)]


def levels(found: Effects) -> list[Ends]:
    """Each effect with its ends."""
    return [(level.low, level.effect, level.high) for axis in found.axes for level in axis.levels]


def coverage(parts: Callable[[Effects], list[Ends]], truth: Effects, found: Sequence[Effects]) -> list[float]:
    """Return the share of intervals that hold the truth, of each part."""
    true = [value for _, value, _ in parts(truth)]
    hits = [0] * len(true)
    for each in found:
        for place, ((low, _, high), value) in enumerate(zip(parts(each), true, strict=True)):
            hits[place] += low is not None and high is not None and low <= (value or 0.0) <= high
    return [hit / len(found) for hit in hits]


def main() -> None:
    """Simulate and print."""
    times, rng = int(sys.argv[1]) if len(sys.argv) > 1 else 40, random.Random(7)  # noqa: S311 (no secret)
    resamples, importance.RESAMPLES = importance.RESAMPLES, 0
    truth = search(rng, MANY)
    importance.RESAMPLES = resamples
    for n in SIZES:
        found = [search(rng, n) for _ in range(times)]
        per_axis = [100 * share for share in coverage(shares, truth, found)]
        per_level = [100 * share for share in coverage(levels, truth, found)]
        idle = sorted(max(share or 0.0 for _, share, _ in shares(each)[1:3]) for each in found)
        sys.stdout.write(
            f"{n} points: effects {sum(per_level) / len(per_level):.0f} %, importances "
            f"{min(per_axis):.0f} to {max(per_axis):.0f} %; the larger importance of the two idle ranges: "
            f"median {100 * idle[times // 2]:.0f} %, one in ten above {100 * idle[9 * times // 10]:.0f} %\n"
        )


if __name__ == "__main__":
    main()
