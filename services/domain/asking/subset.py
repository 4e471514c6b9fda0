"""Which of very many results a proposal looks at: the best ones, and some that stand for the others."""

from __future__ import annotations

from collections.abc import Sequence
from heapq import nsmallest


def subset(values: Sequence[float], most: int, good: int) -> Sequence[int]:
    """The indices of `most` results, smaller values being better: the `good` best and some of the others.

    These are every so many of the rest in the order of the asking, early ones as well as late ones, so that
    they are spread as the rest is. The time of a proposal then hardly grows with the sweep. With no more than
    `most` values, all of them.
    """
    if len(values) <= most:
        return range(len(values))
    best = set(nsmallest(good, range(len(values)), key=values.__getitem__))  # of equal ones the earlier
    rest = [index for index in range(len(values)) if index not in best]
    count = most - good
    spread = [rest[(2 * place + 1) * len(rest) // (2 * count)] for place in range(count)]
    return sorted([*best, *spread])
