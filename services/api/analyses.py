"""What sweeps' effects and figures rest on, kept until something of the sweep changes.

To read and compare ten thousand trials takes tens of milliseconds, to fit and resample them up to a second,
and whoever looks at a sweep asks for its effects and four figures every few seconds.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Annotated, Any

from fastapi import Query

from services.domain.errors import ParameterError, StateForbids
from services.domain.results.common_epoch import ReachedEpoch, common_epoch, reached_epochs
from services.domain.results.compared import ComparedPoint, ComparedPoints, TrialResult, compared
from services.domain.results.effects import Effects, effects
from services.domain.spec.objective import Objective
from services.figures.axis_places import AxisPlaces, axis_places
from services.store import standings, sweeps
from services.store.models import Sweep
from services.store.session import Session, Store
from services.store.standings import Mark
from services.store.trial_results import results_at, trial_results

AtEpoch = Annotated[int | None, Query(description="At which epoch the points of the sweep are compared")]
MAX_KEPT = 32  # sweeps, each at one epoch
MAX_TRIALS_KEPT = 100_000  # of all that are kept, but for those of the last one
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
    """What was read and computed last of one sweep at one epoch; one request at a time computes it."""

    values: dict[int, Mapping[str, Any]] = field(default_factory=dict)  # of the axes, by point
    read: tuple[Mark, Objective, SweepResults] | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)
    points: Sequence[ComparedPoint] = ()
    effects: Effects | None = None
    places: Sequence[AxisPlaces] = ()


class Analyses:
    """What was read and computed last; one for each application."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, int | None], _Kept] = OrderedDict()
        self._lock = threading.Lock()

    def results(self, store: Store, sweep_id: str, epoch: int | None = None) -> SweepResults:
        """A sweep's trials and points, read anew only after a change of the sweep.

        `StateForbids` if there is nothing to compare yet, or too much. Points are compared at the given
        epoch. Without one that is the last epoch which all points have reached if some were stopped early,
        else the last epoch of each.
        """

        def read(session: Session) -> SweepResults:
            sweep = sweeps.get(session, sweep_id)
            _check(sweep, epoch)
            return _current(session, sweep, epoch, self._entry((sweep_id, epoch)))

        results = store.read(read)
        self._forget()
        chosen = results.compared
        if not chosen.points:
            far = f"reached epoch {chosen.epoch}" if chosen.epoch else "trained to their last epoch"
            raise StateForbids(
                f"sweep {sweep_id} has no points to compare yet: it is {results.sweep.state}, and only "
                f"points whose trials have all {far} count ({chosen.left_out.words})"
            )
        return results

    def effects(self, results: SweepResults, epoch: int | None = None) -> Effects:
        """The effects of a sweep's axes, computed anew only if other points are compared than before.

        The results are those of `results` at this epoch.
        """
        kept = self._entry((results.sweep.id, epoch))
        with kept.lock:
            _take(kept, results.compared.points)
            if kept.effects is None:
                plan = results.sweep.plan
                objective = results.sweep.spec.objective
                kept.effects = effects(plan.axes, plan.labels, results.compared, objective)
            return replace(kept.effects, left_out=results.compared.left_out)

    def places(self, results: SweepResults, epoch: int | None = None) -> Sequence[AxisPlaces]:
        """Where the compared points lie on the axes, computed anew as the effects are."""
        kept = self._entry((results.sweep.id, epoch))
        with kept.lock:
            _take(kept, results.compared.points)
            if not kept.places:
                plan = results.sweep.plan
                points = [point.values for point in results.compared.points]
                kept.places = axis_places(plan.axes, plan.labels, points)
            return kept.places

    def _entry(self, key: tuple[str, int | None]) -> _Kept:
        with self._lock:
            kept = self._kept.pop(key, None) or _Kept()
            self._kept[key] = kept  # the order is that of use
            return kept

    def _forget(self) -> None:
        """Forget what was used longest ago, where more is kept than may be."""
        with self._lock:
            trials = sum(map(_trials, self._kept.values()))
            while len(self._kept) > MAX_KEPT or (trials > MAX_TRIALS_KEPT and len(self._kept) > 1):
                trials -= _trials(self._kept.popitem(last=False)[1])


def _trials(kept: _Kept) -> int:
    """How many trials are kept in it."""
    return len(kept.read[2].trials) if kept.read else 0


def _current(session: Session, sweep: Sweep, epoch: int | None, kept: _Kept) -> SweepResults:
    """The results as they are now, those that are kept where nothing of the sweep has changed."""
    # The mark first: after a change between the two, the results are newer than it and are read again.
    mark, objective, before = (
        standings.marks(session, [sweep.id]).get(sweep.id),
        sweep.spec.objective,
        kept.read,
    )
    if before and before[:2] == (mark, objective):
        return replace(before[2], sweep=sweep)
    found = trial_results(session, sweep.id, objective, kept.values)
    at = epoch or common_epoch(found)
    given = None if at is None else results_at(session, sweep.id, objective, at)
    points = compared(found, sweep.total, given, sweep.plan.repeats)
    results = SweepResults(sweep, found, points, reached_epochs(found))
    kept.read = (mark, objective, results) if mark else None
    return results


def _take(kept: _Kept, points: Sequence[ComparedPoint]) -> None:
    """Forget what was computed of other points than these."""
    if kept.points is not points and kept.points != points:
        kept.effects, kept.places = None, ()
    kept.points = points


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
