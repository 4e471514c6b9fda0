"""The only module that imports rustuna: a study made anew from results, with its multivariate TPE.

rustuna is experimental, so its version is pinned. A study lives for one ask and is then thrown away: all that
is kept of a search is what the trials' rows hold.
"""

from __future__ import annotations

from collections.abc import Sequence

import rustuna
from rustuna.distributions import Distribution
from rustuna.samplers import TPESampler
from rustuna.trial import TrialState

from services.domain.asking.dimension import Choices, Dimension
from services.domain.asking.observations import Observations
from services.domain.asking.proposer import Chooser, Proposer, suggested_by


class RustunaStudy(Proposer):
    """Proposes points by the tree-structured Parzen estimator of rustuna.

    Points that are being tried count as results, with the worst value that is known.
    """

    def __init__(self, dimensions: Sequence[Dimension], seen: Observations, seed: int) -> None:
        sampler = TPESampler(seed=seed, n_startup_trials=0, multivariate=True)
        self._study = rustuna.create_study(sampler=sampler, direction="minimize")
        self._distributions = {each.name: _distribution(each) for each in dimensions}
        self._of_names: dict[tuple[str, ...], dict[str, Distribution]] = {}
        self._worst = seen.worst
        for choices, value in zip(seen.choices, seen.values, strict=True):
            self._add(choices, value)
        for choices in seen.running:
            self._add(choices, self._worst)

    def propose(self) -> Chooser:
        """Begin a trial of the study; it never has a result there, and so the sampler does not look at it."""
        return suggested_by(self._study.ask())

    def take(self, choices: Choices) -> None:
        """Count the point as one with the worst value from now on."""
        self._add(choices, self._worst)

    def refuse(self, choices: Choices) -> None:
        """Count it likewise: where many points have been tried already, others are proposed sooner."""
        self._add(choices, self._worst)

    def _add(self, choices: Choices, value: float) -> None:
        names = tuple(choices)
        if (own := self._of_names.get(names)) is None:  # points under the same conditions have the same names
            own = self._of_names[names] = {name: self._distributions[name] for name in names}
        self._study.add_trial(
            rustuna.create_trial(
                state=TrialState.COMPLETE, value=value, params=dict(choices), distributions=own
            )
        )


def _distribution(dimension: Dimension) -> Distribution:
    if dimension.kind == "real":
        return Distribution.float(0.0, 1.0)
    last = (dimension.size or 1) - 1
    if dimension.kind == "steps":
        return Distribution.int(0, last)
    return Distribution.categorical(list(range(last + 1)))
