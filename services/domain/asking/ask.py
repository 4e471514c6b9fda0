"""Ask a method of search for the next points of a sweep: a pure function of its seed and its results."""

from __future__ import annotations

from collections.abc import Sequence

from services.domain.asking.history import History
from services.domain.asking.new_points import NewPoints
from services.domain.asking.observations import AskedPoint
from services.domain.asking.proposer import Proposer
from services.domain.asking.search_space import SearchSpace
from services.domain.asking.sobol_proposer import SobolProposer
from services.domain.random_numbers import unit
from services.domain.search import AskedSearch

ENOUGH = 10  # results after equally many epochs; with more than seven dimensions three more than these


def ask(
    method: AskedSearch,
    space: SearchSpace,
    history: History,
    count: int,
    seed: int,
    *,
    given: Sequence[AskedPoint] = (),
) -> list[AskedPoint]:
    """The next `count` points of a sweep; fewer, or none, where the space has no more of them.

    `given` are points that come before these and have been asked for otherwise. The same arguments give the
    same points. No point comes twice, and each meets the constraints.
    """
    seen = history.seen(max(ENOUGH, len(space.dimensions) + 3))
    asked = len(history) + len(given)
    proposer: Proposer
    if len(seen) >= method.first_points:
        proposer = method.proposer(space.dimensions, seen, int(unit(seed, "ask", asked) * 2**31))
    else:
        proposer = SobolProposer(space.dimensions, seed, asked)
    points = NewPoints(space, proposer, history.keys, seed)
    for point in given:
        points.take(point)
    found: list[AskedPoint] = []
    while len(found) < count and (next_point := points.next()) is not None:
        found.append(next_point)
    return found
