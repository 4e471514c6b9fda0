"""Mirrors one sweep in MLflow, under the sweep's mirror lease."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from services.domain.json_numbers import decode
from services.domain.states import TRIAL_FINAL, SweepState, TrialState
from services.settings import Settings
from services.store import mirror, reports, sweeps, trials
from services.store.mirror import MirrorLease
from services.store.models import LeftOut, Trial
from services.store.session import Session, Store
from services.tracking import best_weights, ranked_sweep, report, saved_view, sweep_run, trial_run
from services.tracking.best_weights import BestWeights
from services.tracking.mlflow_server import MAX_UPLOAD_BYTES, Gone, MlflowRun, Rejected, Server, TrackingDown
from services.tracking.ranked_sweep import RankedSweep

log = logging.getLogger(__name__)


class RunDeleted(Exception):
    """A user deleted the run in MLflow: it stays deleted."""


class SweepMirror:
    """A sweep, its run in MLflow, and its trials' runs."""

    def __init__(
        self, store: Store, settings: Settings, server: Server, lease: MirrorLease, without_view: set[str]
    ) -> None:
        self._store, self._settings, self._server, self._lease = store, settings, server, lease
        self._without_view = without_view  # sweeps whose saved view cannot be written
        self._sweep = store.read(lambda session: sweeps.get(session, lease.sweep_id))
        self._spec, self._plan = self._sweep.spec, self._sweep.plan

    def run(self) -> bool:
        """Export the sweep's run, every trial that is behind, then what the sweep's run shows of them."""
        if self._sweep.mirror.left_out:
            return True
        try:
            parent = self._parent()
            for trial_id in self._store.read(lambda s: mirror.trials_behind(s, self._lease.sweep_id)):
                self._trial(trial_id, parent)
            self._show(parent)
        except RunDeleted:
            log.warning("sweep %s was deleted in MLflow and is no longer exported", self._lease.sweep_id)
            self._write(lambda session: mirror.leave_out_sweep(session, self._lease, LeftOut.DELETED))
        except Rejected as error:
            log.warning("sweep %s: refused by MLflow, no longer exported: %s", self._lease.sweep_id, error)
            self._write(lambda session: mirror.leave_out_sweep(session, self._lease, LeftOut.REFUSED))
        except Gone as error:
            log.warning("sweep %s: MLflow has lost it, it is exported again: %s", self._lease.sweep_id, error)
            self._write(lambda session: mirror.start_over(session, self._lease))
            return False
        return True

    # ---- the sweep

    def _parent(self) -> MlflowRun:
        sweep = self._sweep
        if sweep.mirror.run_id:
            found = self._server.run(sweep.mirror.run_id)
            if found.deleted:
                raise RunDeleted
            return found
        tags = sweep_run.identity(sweep)
        experiment_id = self._server.experiment(
            sweep_run.experiment(sweep), sweep_run.experiment_tags(sweep, self._spec)
        )

        def fill(run_id: str) -> None:
            self._server.log(run_id, params=sweep_run.params(self._spec))
            self._server.upload(run_id, sweep_run.spec_file(sweep))

        run_id = self._find_or_create(
            experiment_id,
            sweep_run.key(sweep),
            create=lambda: self._server.create_run(experiment_id, sweep.name, sweep.created_at, tags),
            fill=fill,
            store=lambda s, run_id: mirror.store_parent(s, self._lease, experiment_id, run_id),
        )
        return MlflowRun(run_id, experiment_id, False, tags)

    def _show(self, parent: MlflowRun) -> None:
        """Write the sweep's state, unless its run shows it already."""
        self._save_view(parent.experiment_id)
        ranked = self._store.read(lambda s: ranked_sweep.read(s, self._lease.sweep_id))
        sweep = ranked.sweep
        points = sweep_run.points(ranked)
        tags = sweep_run.tags(ranked, self._settings, parent.experiment_id)
        bookmark = sweep_run.bookmark(sweep, (points, tags), self._settings)
        if bookmark == sweep.mirror.exported:
            return
        self._server.log(parent.run_id, points, tags=tags)
        if ranked.over:
            self._server.upload(parent.run_id, report.files(ranked, self._best_curves(ranked)))
            self._retire_doubles(parent.experiment_id, sweep_run.key(sweep), parent.run_id)
        # A sweep that is retried goes on: its run had ended.
        status = sweep_run.SWEEP_RUN_STATUS.get(SweepState(sweep.state), "RUNNING")
        self._server.set_status(parent.run_id, status, sweep.finished_at if ranked.over else None)
        self._write(lambda s: mirror.mark_sweep(s, self._lease, bookmark))

    def _save_view(self, experiment_id: str) -> None:
        """Write the sweep's saved views once; if that fails, mirroring goes on."""
        if self._sweep.mirror.view_saved or self._lease.sweep_id in self._without_view:
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
            self._write(lambda session: mirror.mark_view(session, self._lease))

    def _best_curves(self, ranked: RankedSweep) -> report.Curves:
        """Read the objective's curves of the trials that the report shows."""
        metric = self._spec.objective.metric
        found = {}
        for name, trial_id in report.shown_trials(ranked).items():
            curve = self._store.read(partial(reports.curve, trial_id=trial_id))
            found[name] = [(each.epoch, decode(each.metrics).get(metric, math.nan)) for each in curve]
        return found

    # ---- a trial

    def _trial(self, trial_id: str, parent: MlflowRun) -> None:
        try:
            self._export_trial(trial_id, parent)
        except (RunDeleted, Rejected, Gone) as error:
            if self._server.run(parent.run_id).deleted:
                raise RunDeleted from error
            refused = isinstance(error, Rejected) and not self._is_deleted(trial_id)
            if refused:
                log.warning("trial %s: refused by MLflow, no longer exported: %s", trial_id, error)
            else:
                log.info("trial %s was deleted in MLflow and is no longer exported", trial_id)
            why = LeftOut.REFUSED if refused else LeftOut.DELETED
            self._write(lambda session: mirror.leave_out_trial(session, self._lease, trial_id, why))

    def _is_deleted(self, trial_id: str) -> bool:
        run_id = self._store.read(lambda s: trials.get(s, trial_id)).mirror.run_id
        return run_id is not None and self._server.run(run_id).deleted

    def _export_trial(self, trial_id: str, parent: MlflowRun) -> None:
        self._write(lambda session: mirror.keep(session, self._lease))
        run_id = self._run_of(self._store.read(lambda s: trials.get(s, trial_id)), parent)
        trial, curve, pack = self._store.read(lambda s: mirror.curve_and_pack(s, trial_id))
        before, state = trial.mirror.exported_epoch, TrialState(trial.state)
        if before < 0:
            return  # corrected meanwhile: the next round writes it anew
        changed, final = state != trial.mirror.exported_state, state in TRIAL_FINAL
        metrics = self._plan.metrics
        points = trial_run.points(curve, self._spec.objective, metrics, before)
        points += trial_run.closing(trial, curve, metrics)
        tags = (
            trial_run.identity(trial, self._plan, parent.run_id) | trial_run.tags(trial, pack)
            if changed
            else {}
        )
        self._server.log(run_id, points, tags=tags)
        if changed and final:
            self._server.upload(run_id, trial_run.files(trial, self._plan, curve, self._weights(trial)))
            self._server.log(run_id, tags=self._upload_checkpoint(trial, run_id))
            self._retire_doubles(parent.experiment_id, trial_run.key(trial), run_id)
        if changed:
            self._server.set_status(
                run_id, trial_run.TRIAL_RUN_STATUS[state], trial.finished_at if final else None
            )
        epoch = curve[-1].epoch if curve else 0
        self._write(lambda s: mirror.mark_trial(s, self._lease, trial_id, before, epoch, state))

    def _run_of(self, trial: Trial, parent: MlflowRun) -> str:
        if trial.mirror.exported_epoch < 0 and trial.mirror.run_id:
            self._retire(trial.mirror.run_id)  # it shows the old value
        elif trial.mirror.run_id:
            return trial.mirror.run_id
        tags, start = (
            trial_run.identity(trial, self._plan, parent.run_id),
            trial.started_at or trial.created_at,
        )
        params, data = trial_run.params(trial, self._plan), trial_run.data_set(trial, self._plan)

        def fill(run_id: str) -> None:
            self._server.log(run_id, params=params)
            self._server.log_data(run_id, data)

        return self._find_or_create(
            parent.experiment_id,
            trial_run.key(trial),
            create=lambda: self._server.create_run(
                parent.experiment_id, trial_run.name(trial, self._plan), start, tags
            ),
            fill=fill,
            store=lambda session, run_id: mirror.store_run(session, self._lease, trial.id, run_id),
        )

    def _retire(self, run_id: str) -> None:
        """Delete a run that is replaced; another process or a user may have done so already."""
        if not self._server.run(run_id).deleted:
            self._server.retire(run_id)

    def _upload_checkpoint(self, trial: Trial, run_id: str) -> dict[str, str]:
        """Upload the best weights; if that is not possible, a tag says why."""
        if trial.best_file is None:
            return {}
        path = self._best_path(trial)
        if path is None:
            return {"checkpoint": f"not uploaded: {trial.best_file} is missing"}
        size = path.stat().st_size
        if size > MAX_UPLOAD_BYTES:
            why = f"{trial.best_file} has {size} bytes, more than {MAX_UPLOAD_BYTES}"
            return {"checkpoint": f"not uploaded: {why}"}
        self._server.upload_file(run_id, path, "checkpoint")
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
        folder = self._settings.files.resolve()
        path = (folder / (trial.best_file or "")).resolve()
        return path if path.is_relative_to(folder) and path.is_file() else None

    # ---- runs

    def _find_or_create(
        self,
        experiment_id: str,
        key: Mapping[str, str],
        *,
        create: Callable[[], str],
        fill: Callable[[str], None],
        store: Callable[[Session, str], None],
    ) -> str:
        """Find or create the run with these tags, and fill it before SQL refers to it.

        Raises `RunDeleted` if a user has deleted it.
        """
        found = self._server.runs(experiment_id, key)
        active = [run.run_id for run in found if not run.deleted]
        if found and not active:
            raise RunDeleted
        self._write(lambda session: mirror.keep(session, self._lease))
        run_id = active[0] if active else create()
        fill(run_id)
        self._write(lambda session: store(session, run_id))
        return run_id

    def _retire_doubles(self, experiment_id: str, key: Mapping[str, str], run_id: str) -> None:
        """Delete a second run, made by a process that had lost its lease or abandoned its request."""
        for run in self._server.runs(experiment_id, key):
            if run.run_id != run_id and not run.deleted:
                self._server.retire(run.run_id)

    def _write(self, work: Callable[[Session], None]) -> None:
        self._store.write(work)
