"""Sobol search: points that fill the space more evenly than random ones, in any number.

Where lists have few values, or conditions are many, little is left of that. Source: J. Bergstra and
Y. Bengio, JMLR 13 (2012), who compare grids, random and Sobol points. The sequence itself is
services/domain/asking/sobol_sequence.py.
"""

from __future__ import annotations

from collections.abc import Sequence

from services.domain.asking.dimension import Dimension
from services.domain.asking.proposer import Proposer
from services.domain.asking.sobol_proposer import SobolProposer
from services.domain.search import SequenceSearch, register


@register
class Sobol(SequenceSearch):
    """The first points of the scrambled sequence that are points of the space, each of them once."""

    needs_max_trials = True
    takes_open_ranges = True
    draws_points = True

    def proposer(self, dimensions: Sequence[Dimension], seed: int) -> Proposer:
        """Begin with the first point."""
        return SobolProposer(dimensions, seed)
