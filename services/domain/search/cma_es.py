"""CMA-ES: a normal distribution over all numbers that moves to where results are good.

Categories have probabilities of their own, which move towards those of the better half.
Sources: N. Hansen, arXiv 1604.00772 (2016); R. Hamano et al., "CMA-ES with margin", GECCO (2022), for axes
with steps; R. Hamano et al., "CatCMA", GECCO (2024), for a normal distribution beside categories.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import NormalDist

from services.domain.asking.dimension import Choice, Choices, Dimension
from services.domain.asking.evolution import Evolution
from services.domain.asking.level_results import LevelResults
from services.domain.asking.observations import Observations
from services.domain.asking.proposer import Chooser, Proposer
from services.domain.random_numbers import unit
from services.domain.search import AskedSearch, register

MIN_STEPS = 0.4  # standard deviation on an axis with steps, in steps: one in five samples leaves the middle
RATE = 0.2  # of the probabilities of categories, for each update
MARGIN = 0.2  # probability that is always spread over all categories of a dimension
MAX_REDRAWS = 20  # of a number that falls outside its range; then it is put on the end


@register
class CmaEs(AskedSearch):
    """Strong where results depend smoothly on numbers; needs some hundred points, more with more axes.

    Results are taken in the order in which their points were asked for, in groups of 4 + ⌊3·ln n⌋ for n
    numbers, and each full group is one update. Points that are being tried are not looked at: a lie would
    count as a rank. A number that has no value at a point counts as the mean.
    """

    first_points = 0

    def proposer(self, dimensions: Sequence[Dimension], seen: LevelResults, seed: int) -> Proposer:
        """Repeat all updates, from the first result on."""
        return CmaProposer(dimensions, seen.all(), seed)


class CmaProposer(Proposer):
    """Draws from the distribution after the last update."""

    def __init__(self, dimensions: Sequence[Dimension], seen: Observations, seed: int) -> None:
        self._numbers = [each for each in dimensions if each.kind != "categories"]
        self._categories = [each for each in dimensions if each.kind == "categories"]
        self._evolution = Evolution(max(1, len(self._numbers)))
        self._shares = {each.name: [1 / (each.size or 1)] * (each.size or 1) for each in self._categories}
        self._seed, self._drawn = seed, 0
        group = self._evolution.population
        for start in range(0, len(seen.values) - group + 1, group):
            ranked = sorted(range(start, start + group), key=seen.values.__getitem__)
            self._update([seen.choices[index] for index in ranked])

    def propose(self) -> Chooser:
        """Draw all numbers together; categories are drawn as they are asked for."""
        self._drawn += 1
        number = self._drawn
        drawn = self._draw(number)

        def choose(dimension: Dimension) -> Choice:
            if dimension.kind == "categories":
                return self._category(dimension, unit(self._seed, "category", number, dimension.name))
            return dimension.at(drawn[dimension.name])

        return choose

    def _draw(self, number: int) -> dict[str, float]:
        for attempt in range(MAX_REDRAWS):
            normal = [_normal(self._seed, number, attempt, each.name) for each in self._numbers]
            point = self._evolution.sample(normal)
            for place, each in enumerate(self._numbers):
                least = MIN_STEPS / each.size if each.size else 0.0
                if (own := self._evolution.deviation(place)) < least:
                    extra = _normal(self._seed, number, attempt, "step", each.name)
                    point[place] += (least * least - own * own) ** 0.5 * extra
            if all(0 <= each <= 1 for each in point):
                break
        return {each.name: share for each, share in zip(self._numbers, point, strict=False)}

    def _category(self, dimension: Dimension, at: float) -> int:
        shares = self._shares[dimension.name]
        total = 0.0
        for index, share in enumerate(shares):
            total += (1 - MARGIN) * share + MARGIN / len(shares)
            if at < total:
                return index
        return len(shares) - 1

    def _update(self, ranked: Sequence[Choices]) -> None:
        means = self._evolution.mean
        if self._numbers:
            self._evolution.update(
                [
                    [
                        each.share(choices[each.name]) if each.name in choices else mean
                        for each, mean in zip(self._numbers, means, strict=True)
                    ]
                    for choices in ranked
                ]
            )
        weights = self._evolution.weights
        for each in self._categories:
            shares = self._shares[each.name]
            chosen = [
                (w, one[each.name]) for w, one in zip(weights, ranked, strict=False) if each.name in one
            ]
            for index in range(len(shares)):
                wanted = sum(weight for weight, at in chosen if at == index)
                shares[index] += RATE * (wanted - sum(weight for weight, _ in chosen) * shares[index])


def _normal(*key: int | str) -> float:
    """A standard normal number as a function of a key."""
    return NormalDist().inv_cdf(unit(*key))
