"""Methods of search by results against random search, and how long an ask takes.

Run: python -m benchmarks.search_methods [METHOD …]. Per function, budget and batch: the ratio of what random
search reaches to what the method reaches, as the mean of its natural logarithm over 20 seeds with a paired
95 % interval. Then the processor time of an ask at 100, 1,000 and 10,000 points, in which the history gets as
many new results as points are asked for; how long it takes to read them is measured by `search_asks`.
"""

from __future__ import annotations

import math
import statistics
import sys
import time
from collections.abc import Iterable, Sequence
from typing import cast

from benchmarks.search_problems import PROBLEMS, SearchProblem, best, random_best, tried
from services.domain import search
from services.domain.asking.ask import ask
from services.domain.asking.history import History
from services.domain.asking.observations import PointResult
from services.domain.random_numbers import unit
from services.domain.results.intervals import interval
from services.domain.search import AskedSearch

SEEDS = 20
FLOOR = 1e-3  # added to every value: an exact minimum has a logarithm, and no digits beyond count
BUDGETS = ((60, 4), (150, 4), (150, 12))  # points, batch
SLOW = {"gp": ((40, 4),)}  # budgets of methods that take seconds
SIZES = (100, 1_000, 10_000)
ASKS = 100


def gains(
    problem: SearchProblem, method: AskedSearch, count: int, batch: int, seeds: Iterable[int]
) -> list[float]:
    """How much better than random search the method ends, per seed: ln(random / method)."""
    return [
        math.log(random_best(problem, count, seed) + FLOOR)
        - math.log(best(tried(problem, method, count, batch, seed)) + FLOOR)
        for seed in seeds
    ]


def main(methods: Sequence[str]) -> None:
    """Measure and print."""
    for name in methods:
        method = cast(AskedSearch, search.get(name))
        if missing := method.missing():
            sys.stdout.write(f"{name}: {missing}\n")
            continue
        for problem in PROBLEMS.values():
            for count, batch in SLOW.get(name, BUDGETS):
                found = gains(problem, method, count, batch, range(SEEDS))
                low, high = interval(found) or (math.nan, math.nan)
                verdict = "better" if low > 0 else "worse" if high < 0 else "undecided"
                sys.stdout.write(
                    f"{name} {problem.name}, {count} points in batches of {batch}: "
                    f"ln gain {statistics.mean(found):.2f} [{low:.2f}, {high:.2f}] {verdict}\n"
                )
                sys.stdout.flush()
        for size in SIZES if name not in SLOW else SIZES[:1]:
            for batch in (1, 12):
                _time(name, method, size, batch, ASKS if name not in SLOW else 5)


def _time(name: str, method: AskedSearch, size: int, batch: int, asks: int) -> None:
    problem = PROBLEMS["sphere"]
    space = problem.space
    points = [
        space.point(lambda each, index=index: each.at(unit("time", index, each.name)))  # type: ignore[misc]
        for index in range(size)
    ]
    known = [PointResult(point, problem.value(point)) for point in points]
    history, taken = History(known), []
    for seed in range(asks):
        waiting = range(seed * batch % size, min(seed * batch % size + batch, size))
        for index in waiting:
            history.put(index, PointResult(points[index], running=True))
        began = time.process_time()
        for index in waiting:
            history.put(index, known[index])
        ask(method, space, history, batch, seed)
        taken.append(1000 * (time.process_time() - began))
    taken.sort()
    sys.stdout.write(
        f"{name}, {size} results, {batch} points asked for: median {statistics.median(taken):.1f} ms, "
        f"99 % within {taken[math.ceil(0.99 * asks) - 1]:.1f} ms\n"
    )
    sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1:] or search.asked_names())
