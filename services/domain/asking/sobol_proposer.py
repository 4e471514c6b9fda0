"""Proposes the points of the scrambled Sobol sequence, one after another."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from services.domain.asking import sobol_sequence
from services.domain.asking.dimension import Choice, Dimension
from services.domain.asking.proposer import Chooser, Proposer


class SobolProposer(Proposer):
    """Begins with the point of an index; each dimension of the space is one of the sequence."""

    def __init__(self, dimensions: Sequence[Dimension], seed: int, index: int = 0) -> None:
        self._place = {each.name: place for place, each in enumerate(dimensions)}
        self._seed, self._index = seed, index - 1

    def propose(self) -> Chooser:
        """Go on to the next point."""
        self._index += 1
        return partial(self._choice, self._index)

    def _choice(self, index: int, dimension: Dimension) -> Choice:
        return dimension.at(sobol_sequence.coordinate(index, self._place[dimension.name], self._seed))
