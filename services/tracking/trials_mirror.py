"""Mirrors the trials of one sweep: each by itself, so that one that fails holds up no other."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from pathlib import Path

from services.domain.states import TRIAL_FINAL, TrialState
from services.store import leaderboard, mirror, mirror_due, trials
from services.store.models import LeftOut, Sweep, Trial
from services.tracking import artifacts, best_weights, trial_run
from services.tracking.best_weights import BestWeights
from services.tracking.context import IsOver, MirrorContext, RunDeleted
from services.tracking.mlflow_server import MAX_UPLOAD_BYTES, Gone, MlflowRun, Rejected

log = logging.getLogger(__name__)
MAX_TRIALS_BEGUN = 50  # whose runs are about to be made, stored in one transaction
MAX_TRIALS_WITH_FIGURES = 10  # the best ones of a sweep


class TrialsMirror:
    """A sweep's trials and their runs, below the sweep's own."""

    def __init__(self, context: MirrorContext, sweep: Sweep, parent: MlflowRun) -> None:
        self._context, self._sweep, self._parent = context, sweep, parent
        self._store, self._server, self._lease = context.store, context.server, context.lease
        self._plan, self._objective = sweep.plan, sweep.spec.objective

    # ---- what is measured

    def run(self, is_over: IsOver) -> bool:
        """Mirror every trial that is behind; False if the turn was over before that."""
        ids = self._store.read(lambda session: mirror.trials_behind(session, self._sweep.id))
        for start in range(0, len(ids), MAX_TRIALS_BEGUN):
            some = ids[start : start + MAX_TRIALS_BEGUN]
            begun = self._store.write(partial(mirror.begin, lease=self._lease, trial_ids=some))
            for place, trial_id in enumerate(some):
                if is_over():
                    untouched = [each for each in some[place:] if each not in begun]
                    self._store.write(partial(mirror.end_begun, lease=self._lease, trial_ids=untouched))
                    return False
                self._each(trial_id, partial(self._export, trial_id, trial_id in begun))
        return self._mark_points(is_over)

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

    def _export(self, trial_id: str, begun: bool) -> None:
        trial, curve, pack = self._store.read(lambda s: mirror.curve_and_pack(s, trial_id))
        if trial.mirror.exported_epoch < 0:
            self._replace(trial)
            trial, curve, pack = self._store.read(lambda s: mirror.curve_and_pack(s, trial_id))
        before, state = trial.mirror.exported_epoch, TrialState(trial.state)
        if before < 0:
            return  # corrected meanwhile: the next round writes it anew
        changed, final = state != trial.mirror.exported_state, state in TRIAL_FINAL
        run_id = trial.mirror.run_id or self._find_or_create(trial, begun)
        points = trial_run.points(curve, self._objective, self._plan.metrics, before)
        params: dict[str, str] = {}
        tags: dict[str, str] = {}
        if changed:
            points += trial_run.closing(trial, curve, self._plan.metrics)
            points += trial_run.standing(trial, curve, pack, self._objective, self._plan.metrics)
            tags = trial_run.tags(trial, pack)
        if changed and final:
            tags |= self._checkpoint_tag(trial)
        if trial.mirror.exported_state is None:
            params = trial_run.params(trial, self._plan)
            self._server.log_data(run_id, trial_run.data_set(trial, self._plan))
        self._server.log(run_id, points, params=params, tags=tags)
        if changed:
            self._server.set_status(
                run_id, trial_run.TRIAL_RUN_STATUS[state], trial.finished_at if final else None
            )
        epoch = curve[-1].epoch if curve else 0
        self._store.write(lambda s: mirror.mark_trial(s, self._lease, trial_id, run_id, before, epoch, state))

    def _find_or_create(self, trial: Trial, begun: bool) -> str:
        """The trial's run; whoever began to make one before may have made it."""
        found = self._server.runs(self._parent.experiment_id, trial_run.key(trial)) if begun else []
        active = [run.run_id for run in found if not run.deleted]
        if found and not active:
            raise RunDeleted
        return active[0] if active else self._create(trial)

    def _create(self, trial: Trial) -> str:
        self._context.keep()
        run = self._server.create_run(
            self._parent.experiment_id,
            trial_run.name(trial, self._plan),
            trial.started_at or trial.created_at,
            trial_run.identity(trial, self._plan, self._parent.run_id),
        )
        return run.run_id

    def _replace(self, trial: Trial) -> None:
        """Give a trial a new run, because its old ones show a value that was corrected."""
        found = self._server.runs(self._parent.experiment_id, trial_run.key(trial))
        active = [run.run_id for run in found if not run.deleted]
        if found and not active:
            raise RunDeleted
        for run_id in active:
            self._server.retire(run_id)
        run_id = self._create(trial)
        self._store.write(lambda session: mirror.store_run(session, self._lease, trial.id, run_id))

    def _mark_points(self, is_over: IsOver) -> bool:
        """Have each run say whether all trials of its point have ended, from which means are made."""
        if self._plan.seeds == 1:
            return True
        for mark in self._store.read(lambda session: mirror_due.point_marks(session, self._sweep)):
            if is_over():
                return False
            self._each(mark.trial_id, partial(self._mark_point, mark))
        return True

    def _mark_point(self, mark: mirror_due.PointMark) -> None:
        self._server.log(mark.run_id, tags=trial_run.point_tag(mark.ended))
        self._store.write(lambda session: mirror_due.mark_point(session, self._lease, mark))

    # ---- files

    def files(self, is_over: IsOver) -> None:
        """Send the files of trials that have ended, of the best ones first."""
        due = self._store.read(lambda session: mirror_due.trials_with_files(session, self._sweep.id))
        best = self._store.read(
            lambda s: leaderboard.best_trials(s, self._sweep.id, self._objective, MAX_TRIALS_WITH_FIGURES)
        )
        for trial_id in sorted(due, key=lambda each: each not in best):
            self._each(trial_id, partial(self._send_files, trial_id, trial_id in best))
            if is_over():
                return

    def _send_files(self, trial_id: str, all_of_them: bool) -> None:
        trial, curve, _ = self._store.read(lambda s: mirror.curve_and_pack(s, trial_id))
        run_id = trial.mirror.run_id
        assert run_id is not None, "only trials with a run have files to send"
        run = self._parent.beside(run_id)
        path = self._best_path(trial)
        if path is not None and path.stat().st_size <= MAX_UPLOAD_BYTES:
            self._server.upload_file(run, path, "checkpoint")
        reason = None
        if all_of_them:
            makers = trial_run.files(trial, self._plan, curve, self._weights(trial))
            reason = artifacts.upload(self._server, run, makers)
        self._store.write(lambda session: mirror_due.mark_files(session, self._lease, trial_id, reason))

    def _checkpoint_tag(self, trial: Trial) -> dict[str, str]:
        """Name the file with the best weights, or say why it is not uploaded."""
        if trial.best_file is None:
            return {}
        path = self._best_path(trial)
        if path is None:
            return {"checkpoint": f"not uploaded: {trial.best_file} is missing"}
        size = path.stat().st_size
        if size > MAX_UPLOAD_BYTES:
            why = f"{trial.best_file} has {size} bytes, more than {MAX_UPLOAD_BYTES}"
            return {"checkpoint": f"not uploaded: {why}"}
        return {"checkpoint": trial.best_file}

    def _weights(self, trial: Trial) -> BestWeights | None:
        """Read what figures show of the best weights; without a readable file there are no such figures."""
        path = self._best_path(trial)
        try:
            return best_weights.read(path) if path else None
        except (OSError, ValueError) as error:
            log.warning("trial %s: no figures of its weights: %s", trial.id, error)
            return None

    def _best_path(self, trial: Trial) -> Path | None:
        """The path of the best weights, if the file exists within CNNLAB_FILES."""
        folder = self._context.settings.files.resolve()
        path = (folder / (trial.best_file or "")).resolve()
        return path if path.is_relative_to(folder) and path.is_file() else None
