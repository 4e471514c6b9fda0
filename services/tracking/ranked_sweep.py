"""What MLflow shows of a sweep, read in one transaction: how far it is, and its points, best first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from services.domain.plan.plan import Plan
from services.domain.results.comparison import Comparison
from services.domain.results.intervals import Estimate
from services.domain.results.price import Price
from services.domain.results.ranking import rank
from services.domain.results.share import share_of
from services.domain.spec.objective import Objective
from services.domain.spec.spec import Spec
from services.domain.states import SWEEP_FINAL, TRIAL_GOOD
from services.store import leaderboard, mirror, sweep_price, sweep_status, sweeps
from services.store.leaderboard import RankedPoint, Replicate
from services.store.models import Sweep
from services.store.session import Session

MAX_NOTE_POINTS = 10
MAX_REPORT_POINTS = 20_000


@dataclass(frozen=True)
class RankedSweep:
    """A sweep with its ranked points: the best few while it goes on, all of them once it has ended."""

    sweep: Sweep
    counts: dict[str, int]  # trials per state; those not drawn are not among them
    points: Sequence[RankedPoint]
    comparison: Comparison | None
    last_finish: int | None  # ms
    price: Price | None = None  # of one that has ended

    @property
    def over(self) -> bool:
        """Whether the sweep has ended."""
        return self.sweep.state in SWEEP_FINAL

    @property
    def spec(self) -> Spec:
        """What the user submitted."""
        return self.sweep.spec

    @property
    def plan(self) -> Plan:
        """Its axes, shapes and points."""
        return self.sweep.plan

    @property
    def objective(self) -> Objective:
        """What ranks the points."""
        return self.spec.objective

    @property
    def ranking(self) -> list[tuple[RankedPoint, Estimate]]:
        """The points that have a value, best first, with mean and interval."""
        found = [(point, self.estimate(point)) for point in self.points]
        return [(point, estimate) for point, estimate in found if estimate.mean is not None]

    def estimate(self, point: RankedPoint) -> Estimate:
        """A point's mean and interval."""
        return point.estimate(self.plan.repeats, share_of(self.plan, point.shape, self.objective))

    @property
    def best(self) -> Replicate | None:
        """The best of the trials that have ended well."""
        ended = [
            trial
            for point in self.points
            for trial in point.replicates
            if trial.state in TRIAL_GOOD and trial.value is not None
        ]
        return min(ended, key=lambda trial: self.objective.key(trial.value), default=None)


def read(session: Session, sweep_id: str) -> RankedSweep:
    """Read a sweep and its points."""
    sweep = sweeps.get(session, sweep_id)
    limit = MAX_REPORT_POINTS if sweep.state in SWEEP_FINAL else MAX_NOTE_POINTS
    found, _ = leaderboard.page(session, sweep_id, sweep.spec.objective, limit)
    return RankedSweep(
        sweep=sweep,
        counts=sweeps.counts(session, [sweep_id])[sweep_id],
        points=found,
        comparison=leaderboard.comparison(found, sweep.spec.objective, sweep.plan.repeats),
        last_finish=mirror.last_finish(session, sweep_id),
        price=sweep_price.of(*sweep_status.of(session, [sweep])) if sweep.state in SWEEP_FINAL else None,
    )


def best_of(point: RankedPoint, objective: Objective) -> Replicate:
    """The trial of a point that came out best, one that failed last; of equal ones the first."""
    return min(point.replicates, key=lambda trial: rank(trial.state, trial.value, objective))
