"""The effects of sweeps' axes, kept as long as the points that are compared stay the same.

To read the trials takes milliseconds, to fit and resample them up to a second, and whoever looks at a sweep
asks for its effects and four figures every few seconds.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from services.domain.errors import StateForbids
from services.domain.results.compared import ComparedPoint, ComparedPoints, TrialResult, compared
from services.domain.results.effects import Effects, effects
from services.store import sweeps
from services.store.models import Sweep
from services.store.session import Session, Store
from services.store.trial_results import trial_results

MAX_KEPT = 32  # sweeps
MAX_TRIALS = 20_000  # of a sweep whose axes are compared


@dataclass(frozen=True)
class SweepResults:
    """A sweep and its drawn trials; the points among them that can be compared, at least one."""

    sweep: Sweep
    trials: Sequence[TrialResult]
    compared: ComparedPoints


@dataclass
class _Kept:
    """What was computed last of one sweep; one request at a time computes it."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    points: Sequence[ComparedPoint] = ()
    effects: Effects | None = None


class Analyses:
    """The effects that were computed last; one for each application."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._lock = threading.Lock()

    def effects(self, results: SweepResults) -> Effects:
        """The effects of a sweep's axes, computed anew only if other points are compared than before."""
        kept = self._entry(results.sweep.id)
        with kept.lock:
            if kept.effects is None or kept.points != results.compared.points:
                plan = results.sweep.plan
                objective = results.sweep.spec.objective
                kept.effects = effects(plan.axes, plan.labels, results.compared, objective)
                kept.points = results.compared.points
            return replace(kept.effects, left_out=results.compared.left_out)

    def _entry(self, sweep_id: str) -> _Kept:
        with self._lock:
            kept = self._kept.pop(sweep_id, None) or _Kept()
            self._kept[sweep_id] = kept  # the order is that of use
            while len(self._kept) > MAX_KEPT:
                self._kept.popitem(last=False)
            return kept


def read_results(store: Store, sweep_id: str) -> SweepResults:
    """Read a sweep's trials; `StateForbids` if there is nothing to compare yet, or too much."""

    def read(session: Session) -> tuple[Sweep, list[TrialResult]]:
        sweep = sweeps.get(session, sweep_id)
        if sweep.plan.points == 1:
            raise StateForbids(
                f"sweep {sweep_id} has one point, so there is nothing to compare it with: effects need a "
                "sweep in which something varies"
            )
        if sweep.total > MAX_TRIALS:
            raise StateForbids(
                f"effects are those of sweeps of at most {MAX_TRIALS:,} trials, and sweep {sweep_id} has "
                f"{sweep.total:,}; export its trials to compare them elsewhere"
            )
        return sweep, trial_results(session, sweep_id, sweep.spec.objective)

    sweep, found = store.read(read)
    chosen = compared(found, sweep.total)
    if not chosen.points:
        raise StateForbids(
            f"sweep {sweep_id} has no points to compare yet: it is {sweep.state}, and only points whose "
            f"trials have all trained to their last epoch count ({chosen.left_out.words})"
        )
    return SweepResults(sweep, found, chosen)
