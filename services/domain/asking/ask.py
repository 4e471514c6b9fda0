"""Ask a method of search for the next points of a sweep: a pure function of its seed and its results."""

from __future__ import annotations

from collections.abc import Sequence

from services.domain.asking.new_points import NewPoints
from services.domain.asking.observations import AskedPoint, PointResult, observations
from services.domain.asking.proposer import Proposer
from services.domain.asking.search_space import SearchSpace
from services.domain.asking.sobol_proposer import SobolProposer
from services.domain.random_numbers import unit
from services.domain.search import AskedSearch


def ask(
    method: AskedSearch,
    space: SearchSpace,
    results: Sequence[PointResult],
    count: int,
    seed: int,
    *,
    elsewhere: Sequence[PointResult] = (),
) -> list[AskedPoint]:
    """The next `count` points of a sweep; fewer, or none, where the space has no more of them.

    `results` are all points that the sweep has asked for, in this order, `elsewhere` results of other sweeps
    in the same space. The same arguments give the same points. No point comes twice, and each meets the
    constraints.
    """
    seen = observations([*elsewhere, *results])
    proposer: Proposer
    if len(seen) >= method.first_points:
        number = int(unit(seed, "ask", len(results)) * 2**31)
        proposer = method.proposer(space.dimensions, seen, number)
    else:
        proposer = SobolProposer(space.dimensions, seed, len(results))
    points = NewPoints(space, proposer, {each.point.key for each in results}, seed)
    found: list[AskedPoint] = []
    while len(found) < count and (point := points.next()) is not None:
        found.append(point)
    return found
