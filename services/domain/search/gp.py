"""A Gaussian process: few points, each chosen with care. Needs the role `search`, and seconds of time.

Sources: J. Snoek et al., "Practical Bayesian optimization of machine learning algorithms", NeurIPS 25 (2012);
S. Ament et al., "Unexpected improvements to expected improvement", arXiv 2310.20708 (2023). This is the only
module that imports optuna, and only when a proposer is made: it loads torch.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING

from services.domain.asking.dimension import Choices, Dimension
from services.domain.asking.level_results import LevelResults
from services.domain.asking.observations import Observations
from services.domain.asking.proposer import Chooser, Proposer, suggested_by
from services.domain.search import AskedSearch, register

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.trial import Trial

NEEDED = ("optuna", "scipy", "torch")
MAX_SEEN = 200  # results: the time of a fit grows with the third power of their number
MAX_GOOD = 100
MAX_RUNNING = 50


@register
class Gp(AskedSearch):
    """Proposes where a Gaussian process, fitted to the results, expects the greatest improvement.

    Each point that is being tried counts as the worst result known. Axes with a condition are chosen at
    random. Of more than `MAX_SEEN` results it looks at the `MAX_GOOD` best and some of the others.
    """

    first_points = 10

    def proposer(self, dimensions: Sequence[Dimension], seen: LevelResults, seed: int) -> Proposer:
        """Make a study of these results."""
        return OptunaStudy(dimensions, seen.some(MAX_SEEN, MAX_GOOD, MAX_RUNNING), seed)

    def missing(self) -> str | None:
        """Name what is not installed of what the role `search` brings."""
        lacking = [name for name in NEEDED if find_spec(name) is None]
        if not lacking:
            return None
        where = "where the API and workers run"
        return f"needs {' and '.join(lacking)}: install cnnlab with its extra `search` {where}"


class OptunaStudy(Proposer):
    """Proposes points by Optuna's sampler; points that are being tried have the worst value."""

    max_proposals = 5  # each takes a tenth of a second or more

    def __init__(self, dimensions: Sequence[Dimension], seen: Observations, seed: int) -> None:
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            sampler = optuna.samplers.GPSampler(
                seed=seed,
                n_startup_trials=0,
                independent_sampler=optuna.samplers.RandomSampler(seed=seed),
                warn_independent_sampling=False,
            )
        self._study = optuna.create_study(sampler=sampler)
        self._distributions = {each.name: _distribution(each) for each in dimensions}
        self._worst = seen.worst
        self._trial: Trial | None = None  # the latest
        for choices, value in zip(seen.choices, seen.values, strict=True):
            self._add(choices, value)
        for choices in seen.running:
            self._add(choices, self._worst)

    def propose(self) -> Chooser:
        """Begin a trial of the study; the one before is given up, whether or not its point was taken."""
        import optuna

        if self._trial is not None:
            self._study.tell(self._trial, state=optuna.trial.TrialState.FAIL)
        with _one_thread():
            trial = self._trial = self._study.ask()
        return suggested_by(trial)

    def take(self, choices: Choices) -> None:
        """Count the point as one with the worst value from now on."""
        self._add(choices, self._worst)

    def refuse(self, choices: Choices) -> None:
        """Count it likewise, so that another one is proposed."""
        self._add(choices, self._worst)

    def _add(self, choices: Choices, value: float) -> None:
        import optuna

        distributions = {name: self._distributions[name] for name in choices}
        self._study.add_trial(
            optuna.create_trial(value=value, params=dict(choices), distributions=distributions)
        )


@contextmanager
def _one_thread() -> Iterator[None]:
    """Compute with one thread: the matrices are small, and many threads would only wait for one another."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _distribution(dimension: Dimension) -> BaseDistribution:
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if dimension.kind == "real":
        return FloatDistribution(0.0, 1.0)
    last = (dimension.size or 1) - 1
    return IntDistribution(0, last) if dimension.kind == "steps" else CategoricalDistribution(range(last + 1))
