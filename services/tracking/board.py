"""What there is to tell of a sweep, read in one transaction: how far it is, and its points, best first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from services.domain.plan.plan import Plan
from services.domain.results.intervals import Comparison, Estimate
from services.domain.spec.spec import Objective, Spec
from services.domain.states import SWEEP_FINAL, TrialState
from services.store import leaderboard, mirror, sweeps
from services.store.leaderboard import RankedPoint, Replicate
from services.store.models import Sweep
from services.store.session import Session

TOP = 10  # points that a note shows
LARGEST = 20_000  # points that a report lists
GOOD = (TrialState.SUCCEEDED, TrialState.PRUNED)


@dataclass(frozen=True)
class Board:
    """A sweep as it stands; `points` are the best few of one that goes on, all of one that has ended."""

    sweep: Sweep
    spec: Spec
    plan: Plan
    counts: dict[str, int]  # trials per state; those not drawn are not among them
    points: Sequence[RankedPoint]
    comparison: Comparison | None
    last_finish: int | None  # ms

    @property
    def over(self) -> bool:
        """Whether the sweep has ended."""
        return self.sweep.state in SWEEP_FINAL

    @property
    def objective(self) -> Objective:
        """What ranks the points."""
        return self.spec.objective

    @property
    def ranked(self) -> list[tuple[RankedPoint, Estimate]]:
        """The points that have a value, best first, with mean and interval."""
        found = [(point, point.estimate(self.plan.seeds)) for point in self.points]
        return [(point, estimate) for point, estimate in found if estimate.mean is not None]

    @property
    def best(self) -> Replicate | None:
        """The best of the trials that have ended well."""
        ended = [
            trial
            for point in self.points
            for trial in point.replicates
            if trial.state in GOOD and trial.value is not None
        ]
        return min(ended, key=lambda trial: self.objective.key(trial.value), default=None)


def read(session: Session, sweep_id: str, spec: Spec, plan: Plan) -> Board:
    """Read a sweep's board."""
    sweep = sweeps.get(session, sweep_id)
    limit = LARGEST if sweep.state in SWEEP_FINAL else TOP
    found, _ = leaderboard.page(session, sweep_id, spec.objective, limit)
    return Board(
        sweep=sweep,
        spec=spec,
        plan=plan,
        counts=sweeps.counts(session, [sweep_id])[sweep_id],
        points=found,
        comparison=leaderboard.comparison(found, spec.objective, plan.seeds),
        last_finish=mirror.last_finish(session, sweep_id),
    )


def best_of(point: RankedPoint, objective: Objective) -> Replicate:
    """The trial of a point that came out best; of those without a value the first."""
    return min(point.replicates, key=lambda trial: objective.key(trial.value))
