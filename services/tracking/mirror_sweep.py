"""Mirrors one sweep in MLflow, under the sweep's mirror lease."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from functools import partial

from services.domain.json_numbers import decode
from services.domain.states import SWEEP_FINAL, SweepState
from services.store import deletion, leaderboard, mirror, mirror_due, reports, sweeps
from services.store.left_out import LeftOut
from services.store.session import Session
from services.tracking import artifacts, ranked_sweep, report, saved_view, sweep_run, trial_run
from services.tracking.context import IsOver, MirrorContext, RunDeleted
from services.tracking.mlflow_server import Gone, MlflowRun, Rejected, TrackingDown
from services.tracking.ranked_sweep import RankedSweep
from services.tracking.trials_mirror import TrialsMirror

log = logging.getLogger(__name__)
MAX_TRIALS_WITH_FILES = 8  # the best of a sweep that has ended


class SweepMirror:
    """A sweep, its run in MLflow, and its trials' runs."""

    def __init__(self, context: MirrorContext, without_view: set[str]) -> None:
        self._context, self._lease, self._server = context, context.lease, context.server
        self._without_view = without_view  # sweeps whose saved view cannot be written
        self._sweep = context.store.read(lambda session: sweeps.get(session, context.lease.sweep_id))
        self._spec, self._plan = self._sweep.spec, self._sweep.plan

    def run(self, is_over: IsOver) -> bool:
        """Mirror the sweep's run, every trial that is behind, then what the sweep's run shows of them.

        False if there is more to do: the turn was over, or MLflow has lost the sweep.
        """
        return self._sweep.mirror.left_out is not None or self._guarded(partial(self._mirror, is_over))

    def files(self, is_over: IsOver) -> bool:
        """Send files of an ended sweep's best trials, until the turn is over; False as for `run`."""
        there = self._sweep.mirror.left_out is None and self._sweep.mirror.run_id is not None
        return not there or self._guarded(partial(self._send_files, is_over))

    def _mirror(self, is_over: IsOver) -> bool:
        parent = self._parent()
        if parent.name != self._sweep.name:
            self._rename(parent)
        done = TrialsMirror(self._context, self._sweep, parent).run(is_over)
        # To rank all points of an ended sweep takes longer than a turn: only once, at last.
        if done or self._sweep.state not in SWEEP_FINAL:
            self._show(parent, done)
        return done

    def _send_files(self, is_over: IsOver) -> bool:
        TrialsMirror(self._context, self._sweep, self._parent()).files(is_over)
        return True

    def _guarded(self, work: partial[bool]) -> bool:
        """Work on the sweep; what MLflow says of the sweep as a whole is stored."""
        try:
            return work()
        except RunDeleted:
            log.warning("sweep %s was deleted in MLflow and is no longer exported", self._sweep.id)
            self._leave_out(LeftOut.DELETED, "its run was deleted in MLflow")
        except Rejected as error:
            log.warning("sweep %s: refused by MLflow, no longer exported: %s", self._sweep.id, error)
            self._leave_out(LeftOut.REFUSED, str(error))
        except Gone as error:
            log.warning("sweep %s: MLflow has lost it, it is exported again: %s", self._sweep.id, error)
            self._context.store.write(lambda session: mirror.start_over(session, self._lease))
            return False
        return True

    def _leave_out(self, why: LeftOut, reason: str) -> None:
        self._context.store.write(lambda s: mirror.leave_out_sweep(s, self._lease, why, reason))

    def _parent(self) -> MlflowRun:
        """The sweep's run; when it is made, the experiment has the saved view first, which links name."""
        sweep = self._sweep
        if sweep.mirror.run_id:
            found = self._server.run(sweep.mirror.run_id)
            if found.deleted:
                raise RunDeleted
            if not sweep.mirror.view_saved:
                self._save_view(found.experiment_id)
            return found
        experiment_id = self._server.experiment(
            sweep_run.experiment(sweep), sweep_run.experiment_tags(sweep, self._spec)
        )
        self._save_view(experiment_id)
        run = self._find_or_create(experiment_id, sweep_run.identity(sweep))
        self._server.log(run.run_id, params=sweep_run.params(self._spec))
        artifacts.upload(self._server, run, sweep_run.files(sweep))
        self._context.store.write(
            lambda session: mirror.store_parent(session, self._lease, experiment_id, run.run_id)
        )
        return run

    def _find_or_create(self, experiment_id: str, tags: dict[str, str]) -> MlflowRun:
        found = self._server.runs(experiment_id, sweep_run.key(self._sweep))
        active = [run for run in found if not run.deleted]
        if found and not active:
            raise RunDeleted
        self._context.keep()
        start = self._sweep.created_at
        return active[0] if active else self._server.create_run(experiment_id, self._sweep.name, start, tags)

    def _rename(self, parent: MlflowRun) -> None:
        """Give MLflow's entries the sweep's new name: its run, its views, and an experiment of its own.

        An experiment that other sweeps share keeps its name, and so does one whose new name is taken. The run
        comes last: by its name the next turn sees whether all was done.
        """
        experiment_id = parent.experiment_id
        shared = self._context.store.read(
            lambda s: deletion.shares_experiment(s, self._sweep.id, experiment_id)
        )
        if not shared:
            self._server.rename_experiment(experiment_id, sweep_run.experiment(self._sweep))
            self._server.tag_experiment(experiment_id, sweep_run.experiment_tags(self._sweep, self._spec))
        self._save_view(experiment_id)
        self._server.rename(parent.run_id, self._sweep.name)

    def _show(self, parent: MlflowRun, done: bool) -> None:
        """Write the sweep's state, unless its run shows it already; its end, once all trials are there."""
        ranked = self._context.store.read(lambda s: ranked_sweep.read(s, self._lease.sweep_id))
        sweep = ranked.sweep
        if ranked.over and not done:
            return
        points = sweep_run.points(ranked)
        tags = sweep_run.tags(ranked, self._context.settings, parent.experiment_id)
        bookmark = sweep_run.bookmark(sweep, (points, tags), self._context.settings)
        if bookmark == sweep.mirror.exported:
            return
        self._server.log(parent.run_id, points, tags=tags)
        if ranked.over:
            makers = report.files(ranked, lambda: self._best_curves(ranked))
            artifacts.upload(self._server, parent, makers)
            self._retire_doubles(parent)
        # A sweep that is retried goes on: its run had ended.
        status = sweep_run.SWEEP_RUN_STATUS.get(SweepState(sweep.state), "RUNNING")
        if ranked.over or status != parent.status:
            self._server.set_status(parent.run_id, status, sweep.finished_at if ranked.over else None)
        best = self._best_trials() if ranked.over else []
        self._context.store.write(partial(self._mark_shown, bookmark=bookmark, best=best))

    def _mark_shown(self, session: Session, bookmark: str, best: Sequence[str]) -> None:
        mirror.mark_sweep(session, self._lease, bookmark)
        mirror_due.want_files(session, self._lease, best)

    def _best_trials(self) -> Sequence[str]:
        """The trials whose files MLflow gets, among them the one that becomes a model."""
        objective = self._spec.objective
        best, winner = self._context.store.read(
            lambda s: (
                leaderboard.best_trials(s, self._sweep.id, objective, MAX_TRIALS_WITH_FILES),
                leaderboard.winner(s, self._sweep.id, objective),
            )
        )
        return best if winner is None or winner in best else [*best[:-1], winner]

    def _save_view(self, experiment_id: str) -> None:
        """Write the sweep's saved views once; if that fails, mirroring goes on."""
        if self._lease.sweep_id in self._without_view:
            return
        try:
            tags = saved_view.tags(self._sweep, self._plan, self._spec.objective)
            self._server.tag_experiment(experiment_id, tags)
        except TrackingDown as error:
            log.warning("sweep %s has no saved view yet: %s", self._lease.sweep_id, error)
        except Exception:
            self._without_view.add(self._lease.sweep_id)
            log.exception("sweep %s gets no saved view; the table shows its trials", self._lease.sweep_id)
        else:
            self._context.store.write(lambda session: mirror.mark_view(session, self._lease))

    def _best_curves(self, ranked: RankedSweep) -> report.Curves:
        """Read the objective's curves of the trials that the report shows."""
        metric = self._spec.objective.metric
        found = {}
        for name, trial_id in report.shown_trials(ranked).items():
            curve = self._context.store.read(partial(reports.curve, trial_id=trial_id))
            found[name] = [(each.epoch, decode(each.metrics).get(metric, math.nan)) for each in curve]
        return found

    def _retire_doubles(self, parent: MlflowRun) -> None:
        """Delete second runs, made by a process that had lost its lease or abandoned its request."""
        known = {parent.run_id, *self._context.store.read(lambda s: mirror.runs(s, self._sweep.id))}
        for tags in sweep_run.key(self._sweep), trial_run.key_of_all(self._sweep.id):
            for run in self._server.runs(parent.experiment_id, tags):
                if run.run_id not in known and not run.deleted:
                    self._server.retire(run.run_id)
