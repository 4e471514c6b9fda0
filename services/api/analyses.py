"""The effects of sweeps' axes, kept as long as the points that are compared stay the same.

To read the trials takes milliseconds, to fit and resample them up to a second, and whoever looks at a sweep
asks for its effects and four figures every few seconds.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Annotated

from fastapi import Query

from services.domain.errors import ParameterError, StateForbids
from services.domain.results.common_epoch import ReachedEpoch, common_epoch, reached_epochs
from services.domain.results.compared import ComparedPoint, ComparedPoints, TrialResult, compared
from services.domain.results.effects import Effects, effects
from services.store import sweeps
from services.store.models import Sweep
from services.store.session import Session, Store
from services.store.trial_results import results_at, trial_results

AtEpoch = Annotated[int | None, Query(description="At which epoch the points of the sweep are compared")]
MAX_KEPT = 32  # sweeps, each at one epoch
MAX_TRIALS = 20_000  # of a sweep whose axes are compared


@dataclass(frozen=True)
class SweepResults:
    """A sweep and its drawn trials; the points among them that can be compared, at least one.

    `epochs` are those at which points can be compared, if some trials were stopped early.
    """

    sweep: Sweep
    trials: Sequence[TrialResult]
    compared: ComparedPoints
    epochs: Sequence[ReachedEpoch] = ()


@dataclass
class _Kept:
    """What was computed last of one sweep at one epoch; one request at a time computes it."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    points: Sequence[ComparedPoint] = ()
    effects: Effects | None = None


class Analyses:
    """The effects that were computed last; one for each application."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, int | None], _Kept] = OrderedDict()
        self._lock = threading.Lock()

    def effects(self, results: SweepResults) -> Effects:
        """The effects of a sweep's axes, computed anew only if other points are compared than before."""
        kept = self._entry((results.sweep.id, results.compared.epoch))
        with kept.lock:
            if kept.effects is None or kept.points != results.compared.points:
                plan = results.sweep.plan
                objective = results.sweep.spec.objective
                kept.effects = effects(plan.axes, plan.labels, results.compared, objective)
                kept.points = results.compared.points
            return replace(kept.effects, left_out=results.compared.left_out)

    def _entry(self, key: tuple[str, int | None]) -> _Kept:
        with self._lock:
            kept = self._kept.pop(key, None) or _Kept()
            self._kept[key] = kept  # the order is that of use
            while len(self._kept) > MAX_KEPT:
                self._kept.popitem(last=False)
            return kept


def read_results(store: Store, sweep_id: str, epoch: int | None = None) -> SweepResults:
    """Read a sweep's trials; `StateForbids` if there is nothing to compare yet, or too much.

    Points are compared at the given epoch. Without one that is the last epoch which all points have reached
    if some were stopped early, else the last epoch of each.
    """

    def read(session: Session) -> SweepResults:
        sweep = sweeps.get(session, sweep_id)
        _check(sweep, epoch)
        objective = sweep.spec.objective
        found = trial_results(session, sweep_id, objective)
        at = epoch or common_epoch(found)
        given = None if at is None else results_at(session, sweep_id, objective, at)
        return SweepResults(
            sweep, found, compared(found, sweep.total, given, sweep.plan.repeats), reached_epochs(found)
        )

    results = store.read(read)
    chosen = results.compared
    if not chosen.points:
        far = f"reached epoch {chosen.epoch}" if chosen.epoch else "trained to their last epoch"
        raise StateForbids(
            f"sweep {sweep_id} has no points to compare yet: it is {results.sweep.state}, and only points "
            f"whose trials have all {far} count ({chosen.left_out.words})"
        )
    return results


def _check(sweep: Sweep, epoch: int | None) -> None:
    """Refuse a sweep in which nothing can be compared, or not at this epoch."""
    if sweep.plan.points == 1:
        raise StateForbids(
            f"sweep {sweep.id} has one point, so there is nothing to compare it with: effects need a "
            "sweep in which something varies"
        )
    if sweep.total > MAX_TRIALS:
        raise StateForbids(
            f"effects are those of sweeps of at most {MAX_TRIALS:,} trials, and sweep {sweep.id} has "
            f"{sweep.total:,}; export its trials to compare them elsewhere"
        )
    last = max(shape.epochs for shape in sweep.plan.shapes)
    if epoch is not None and not 1 <= epoch <= last:
        raise ParameterError(
            f"query parameter epoch must be an epoch of sweep {sweep.id}, 1 … {last}, got {epoch}"
        )
