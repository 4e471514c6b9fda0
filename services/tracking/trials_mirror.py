"""Mirrors the trials of one sweep: each by itself, so that one that fails holds up no other."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property, partial
from typing import NamedTuple

from services.domain.states import SWEEP_FINAL
from services.store import leaderboard, mirror, mirror_due, trials
from services.store.left_out import LeftOut
from services.store.mirror import MeasuredTrial, TrialMark
from services.store.mirror_due import PointMark
from services.store.models import Sweep, Trial
from services.tracking import trial_change, trial_files, trial_run
from services.tracking.context import IsOver, MirrorContext, RunDeleted
from services.tracking.mlflow_server import Gone, MlflowRun, Rejected, TrackingDown
from services.tracking.run_change import RunChange, TrainingData
from services.tracking.side_by_side import use_up

log = logging.getLogger(__name__)
TRIALS_AT_ONCE = 50  # that are read together, and whose marks are stored in one transaction
MAX_POINTS_TOGETHER = 20_000  # values of metrics in one request
MAX_THREADS = 3  # trials under way at once: one is made here, one is written there, one waits for the disk


class ShownRun(NamedTuple):
    """A trial's run with the status that it shows, None where that is unknown; `fresh` if just made."""

    run_id: str
    status: str | None
    fresh: bool = False


class TrialsMirror:
    """A sweep's trials and their runs, below the sweep's own."""

    def __init__(self, context: MirrorContext, sweep: Sweep, parent: MlflowRun) -> None:
        self._context, self._sweep, self._parent = context, sweep, parent
        self._store, self._server, self._lease = context.store, context.server, context.lease
        self._plan, self._objective = sweep.plan, sweep.spec.objective
        self._threads = MAX_THREADS if sweep.state in SWEEP_FINAL else 1  # the processor is for training
        self._one_at_a_time = threading.Lock()
        self._known_data = set[TrainingData]()

    def run(self, is_over: IsOver) -> bool:
        """Mirror every trial that is behind; False if the turn was over before that."""
        ids = self._store.read(lambda session: mirror.trials_behind(session, self._sweep.id))
        for start in range(0, len(ids), TRIALS_AT_ONCE):
            if is_over() or not self._some(ids[start : start + TRIALS_AT_ONCE], is_over):
                return False
        return self._mark_points(is_over)

    def _some(self, ids: Sequence[str], is_over: IsOver) -> bool:
        """Mirror these trials; whatever happens, what MLflow has by then is stored, in one transaction."""
        begun = self._store.write(partial(mirror.begin, lease=self._lease, trial_ids=ids))
        found = self._store.read(partial(mirror.measured, trial_ids=ids))
        marks: list[TrialMark] = []
        left = deque(ids)

        def export(trial_id: str) -> None:
            self._each(trial_id, partial(self._export, found[trial_id], trial_id in begun, marks))

        try:
            if self._server.takes_several:
                self._write_together(left, found, begun, marks)
            use_up(left, export, is_over, self._threads)
            return not left
        finally:
            if marks:
                self._store.write(partial(mirror.mark_trials, lease=self._lease, marks=marks))
            untouched = [trial_id for trial_id in left if trial_id not in begun]
            if untouched:
                self._store.write(partial(mirror.end_begun, lease=self._lease, trial_ids=untouched))

    def _write_together(
        self, left: deque[str], found: Mapping[str, MeasuredTrial], begun: set[str], marks: list[TrialMark]
    ) -> None:
        """Write trials in requests of several; those that are not of the usual kind stay in `left`."""
        changes = {each: self._change(found[each], each in begun) for each in left}
        for some in portions({each: change for each, change in changes.items() if change}):
            self._context.keep()
            begun.update(some)  # until the answer is there, runs may have been made
            written = self._written(list(some.values()))
            if written is None:
                vars(self).pop("_made", None)  # it is searched for anew
                return
            begun.difference_update(some)
            for trial_id, run_id in zip(some, written, strict=True):
                if run_id is not None:
                    marks.append(trial_change.mark(found[trial_id], run_id))
                    left.remove(trial_id)

    def _written(self, changes: Sequence[RunChange]) -> list[str | None] | None:
        """Write runs in one request; None if that fails, which leaves open whether anything was written."""
        try:
            return self._server.write_runs(changes)
        except (TrackingDown, Rejected, Gone) as error:
            log.warning("%d runs were not written together, each is by itself: %s", len(changes), error)
            return None

    def _change(self, found: MeasuredTrial, begun: bool) -> RunChange | None:
        """What a trial's run lacks; None if the run is unknown or its old ones show a corrected value."""
        unknown = begun and found.trial.mirror.run_id is None
        if unknown or found.trial.mirror.exported_epoch == mirror.CORRECTED:
            return None
        try:
            return self._lacking(found)
        except Exception:  # of this trial alone: it fails by itself, with the reason
            return None

    def _lacking(self, found: MeasuredTrial) -> RunChange:
        return trial_change.change(found, self._plan, self._objective, self._parent, self._context.settings)

    def _each(self, trial_id: str, export: Callable[[], None]) -> None:
        try:
            export()
        except (RunDeleted, Rejected, Gone) as error:
            if self._server.run(self._parent.run_id).deleted:
                raise RunDeleted from error
            refused = isinstance(error, Rejected) and not self._is_deleted(trial_id)
            if refused:
                log.warning("trial %s: refused by MLflow, no longer exported: %s", trial_id, error)
            else:
                log.info("trial %s was deleted in MLflow and is no longer exported", trial_id)
            why = LeftOut.REFUSED if refused else LeftOut.DELETED
            reason = str(error) if refused else "its run was deleted in MLflow"
            self._store.write(lambda s: mirror.leave_out_trial(s, self._lease, trial_id, why, reason))
        except Exception as error:
            if not self._context.concerns_one(error):
                raise
            self._context.fail_trial(trial_id, error)

    def _is_deleted(self, trial_id: str) -> bool:
        run_id = self._store.read(lambda s: trials.get(s, trial_id)).mirror.run_id
        return run_id is not None and self._server.run(run_id).deleted

    def _export(self, found: MeasuredTrial, begun: bool, marks: list[TrialMark]) -> None:
        """Bring one run up to its trial, in as few requests as there can be."""
        if found.trial.mirror.exported_epoch < 0:
            found = self._replaced(found.trial)
        trial = found.trial
        if trial.mirror.exported_epoch < 0:
            return  # corrected meanwhile: the next round writes it anew
        change = self._lacking(found)
        shown = self._shown(trial, begun, change.tags)
        if change.data:
            self._log_data(shown.run_id, change.data)
        tags = {} if shown.fresh else change.tags
        self._server.log(shown.run_id, change.points, params=change.params, tags=tags)
        if change.status and (change.end is not None or change.status != shown.status):
            self._server.set_status(shown.run_id, change.status, change.end)
        marks.append(trial_change.mark(found, shown.run_id))

    def _log_data(self, run_id: str, data: TrainingData) -> None:
        """Record a run's data set; two requests at once that bring MLflow a new one would clash there."""
        with self._one_at_a_time:
            if data not in self._known_data:
                self._server.log_data(run_id, data)
                self._known_data.add(data)
                return
        self._server.log_data(run_id, data)

    # ---- runs

    def _shown(self, trial: Trial, begun: bool, tags: Mapping[str, str]) -> ShownRun:
        """The trial's run, made with these tags; whoever began to make one before may have made it."""
        there = trial.mirror
        if there.run_id:
            return ShownRun(there.run_id, trial_change.shown_status(trial))
        active = self._active(trial) if begun else []
        return ShownRun(active[0].run_id, active[0].status) if active else self._create(trial, tags)

    @cached_property
    def _made(self) -> dict[str, list[MlflowRun]]:
        """All runs of the sweep's trials that MLflow has, by trial: one search, if any trial needs it."""
        found: dict[str, list[MlflowRun]] = {}
        tags = trial_run.key_of_all(self._sweep.id)
        for run in self._server.runs(self._parent.experiment_id, tags, trial_run.ID_TAG):
            found.setdefault(run.tags[trial_run.ID_TAG], []).append(run)
        return found

    def _active(self, trial: Trial) -> list[MlflowRun]:
        """The runs of a trial that are not deleted; `RunDeleted` if all of them are."""
        with self._one_at_a_time:
            found = self._made.get(trial.id, [])
        active = [run for run in found if not run.deleted]
        if found and not active:
            raise RunDeleted
        return active

    def _create(self, trial: Trial, tags: Mapping[str, str]) -> ShownRun:
        self._context.keep()
        new = trial_change.new_run(trial, self._plan, self._parent)
        run = self._server.create_run(new.experiment_id, new.name, new.start, {**new.tags, **tags})
        return ShownRun(run.run_id, run.status, fresh=True)

    def _replaced(self, trial: Trial) -> MeasuredTrial:
        """Give a trial a new run, because its old ones show a value that was corrected."""
        for run in self._active(trial):
            self._server.retire(run.run_id)
        shown = self._create(trial, {})
        self._store.write(lambda session: mirror.store_run(session, self._lease, trial.id, shown.run_id))
        return self._store.read(partial(mirror.measured, trial_ids=[trial.id]))[trial.id]

    # ---- points

    def _mark_points(self, is_over: IsOver) -> bool:
        """Have each run say whether all trials of its point have ended, from which means are made."""
        if self._plan.replicates == 1:
            return True
        left = deque(self._store.read(lambda session: mirror_due.point_marks(session, self._sweep)))
        if self._server.takes_several:
            self._mark_together(left, is_over)

        def write(mark: PointMark) -> None:
            self._each(mark.trial_id, partial(self._mark_point, mark))

        use_up(left, write, is_over, self._threads)
        return not left

    def _mark_together(self, left: deque[PointMark], is_over: IsOver) -> None:
        """Mark the points of several runs in one request; those that are not usual stay in `left`."""
        marks = list(left)
        for start in range(0, len(marks), TRIALS_AT_ONCE):
            some = marks[start : start + TRIALS_AT_ONCE]
            changes = [RunChange(mark.run_id, tags=trial_run.point_tag(mark.ended)) for mark in some]
            if is_over() or (written := self._written(changes)) is None:
                return
            done = [mark for mark, run_id in zip(some, written, strict=True) if run_id]
            self._store.write(partial(mirror_due.mark_points, lease=self._lease, marks=done))
            for mark in done:
                left.remove(mark)

    def _mark_point(self, mark: PointMark) -> None:
        self._server.log(mark.run_id, tags=trial_run.point_tag(mark.ended))
        self._store.write(partial(mirror_due.mark_points, lease=self._lease, marks=[mark]))

    # ---- files

    def files(self, is_over: IsOver) -> None:
        """Send the files of the sweep's best trials."""
        left = deque(self._store.read(lambda s: mirror_due.trials_with_files(s, self._sweep.id)))

        def send(trial_id: str) -> None:
            self._each(trial_id, partial(self._send_files, trial_id))

        use_up(left, send, is_over, self._threads)

    @cached_property
    def _winner(self) -> str | None:
        """The best trial of the best point, which becomes a model."""
        return self._store.read(lambda s: leaderboard.winner(s, self._sweep.id, self._objective))

    def _send_files(self, trial_id: str) -> None:
        found = self._store.read(partial(mirror.measured, trial_ids=[trial_id]))[trial_id]
        objective = self._objective if trial_id == self._winner else None
        reason = trial_files.send(self._context, self._parent, self._plan, found, objective)
        self._store.write(lambda session: mirror_due.mark_files(session, self._lease, trial_id, reason))


def portions(changes: Mapping[str, RunChange]) -> Iterator[dict[str, RunChange]]:
    """Changes by trial in portions of a bounded size; those that are too large by themselves are left out."""
    some: dict[str, RunChange] = {}
    points = 0
    for trial_id, change in changes.items():
        size = len(change.points)
        if size > MAX_POINTS_TOGETHER:
            continue
        if some and points + size > MAX_POINTS_TOGETHER:
            yield some
            some, points = {}, 0
        some[trial_id] = change
        points += size
    if some:
        yield some
