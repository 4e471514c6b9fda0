"""Tree-structured Parzen estimator: points where good results lie denser than others, all axes together.

Sources: J. Bergstra et al., "Algorithms for hyper-parameter optimization", NeurIPS 24 (2011); S. Falkner et
al., "BOHB", ICML (2018), for the densities of all axes together; S. Watanabe, "Tree-structured Parzen
estimator: understanding its algorithm components", arXiv 2304.11127 (2023).
"""

from __future__ import annotations

from collections.abc import Sequence

from services.domain.asking.dimension import Dimension
from services.domain.asking.level_results import LevelResults
from services.domain.asking.proposer import Proposer
from services.domain.asking.rustuna_study import RustunaStudy
from services.domain.search import AskedSearch, register

MAX_GOOD = 25  # results that count as good: the best tenth, but no more, as in Optuna
MAX_SEEN = 10 * MAX_GOOD  # results that a proposal looks at
MAX_RUNNING = 100  # points being tried that it looks at, the latest


@register
class Tpe(AskedSearch):
    """Proposes what is likely under the good results and unlikely under the others.

    Each point that is being tried counts as the worst result known, so that proposals of one batch differ.
    Axes with a condition are chosen one by one, by the results that have a value there. Of more than
    `MAX_SEEN` results it looks at a subset, in which exactly those are good that are good among all.
    """

    first_points = 10

    def proposer(self, dimensions: Sequence[Dimension], seen: LevelResults, seed: int) -> Proposer:
        """Make the two densities."""
        return RustunaStudy(dimensions, seen.some(MAX_SEEN, MAX_GOOD, MAX_RUNNING), seed)
