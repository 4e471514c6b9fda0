"""A stage: sweeps that are trained by the test itself, through the same functions that workers use."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from mlflow import MlflowClient
from mlflow.entities import Metric, Run, ViewType
from paper_catalog import paper_plan
from sqlalchemy import update

from benchmarks.tables import drawing
from services.domain.retry import Failure
from services.domain.spec.spec import Spec
from services.domain.states import TrialState
from services.settings import Settings
from services.store import endings, leases, packs, reports, sweeps, trials
from services.store.leases import Lease
from services.store.models import MirrorSweep, MirrorTrial, Report, Sweep, Trial
from services.store.reports import Epoch
from services.store.session import Store
from services.tracking.tracker import Tracker

WIDTH = 4


class Stage:
    """One sweep with its first trials, four or `width`, in one pack, and what MLflow shows of it."""

    def __init__(self, store: Store, settings: Settings, spec: Spec, width: int = WIDTH) -> None:
        self.store, self.settings, self.spec, self.width = store, settings, spec, width
        plan = paper_plan(spec)
        self.sweep_id = store.write(lambda session: sweeps.insert(session, spec, plan))
        self.trial_ids = store.write(
            lambda session: [
                t.id for t in drawing.draw(session, sweeps.lock(session, self.sweep_id), plan.trials)
            ]
        )
        for index in range(len(self.trial_ids)):
            self.change_trials(index, row=index % width)  # one pack holds them all, whatever the plan says
        self.held = self.lease()

    # ---- training

    def lease(self) -> Lease:
        """Put all pending trials into a pack and run it."""

        def form(session: Any) -> str:
            first = trials.first_waiting(session, self.sweep_id)
            assert first is not None
            pending = trials.waiting_like(session, first, True, self.width)
            return packs.form(session, sweeps.lock(session, self.sweep_id), pending, self.width, "cpu")

        held = Lease.new(self.store.write(form))
        assert self.store.write(lambda session: leases.take(session, held, "worker-1", "host/cpu:0", 60))
        return held

    def train(self, number: int, **changes: float) -> None:
        """Commit an epoch of every running trial; a trial's accuracy grows with its number."""
        metrics = {}
        for index, trial_id in enumerate(self.trial_ids):
            if self.trial(index).state == TrialState.RUNNING:
                accuracy = 0.5 + index / 100 + number / 1000
                metrics[trial_id] = {
                    "train/loss": 1 / number,
                    "train/acc": accuracy + 0.1,
                    "val/loss": 2 / number,
                    "val/acc": accuracy,
                    "perf/images_per_s": 1234.56789,
                } | {name.replace("_", "/"): value for name, value in changes.items()}
        self.report(
            number, metrics, {trial_id: (number, found["val/acc"]) for trial_id, found in metrics.items()}
        )

    def report(
        self, number: int, metrics: dict[str, dict[str, float]], best: dict[str, tuple[int, float]]
    ) -> None:
        """Commit an epoch: each trial's metrics, and its best epoch so far with the value there."""
        epoch = Epoch(number=number, metrics=metrics, best=best, saved=None, busy_ms=10, work_ms=9)
        self.store.write(lambda session: reports.commit(session, self.held, epoch))

    def end(self, index: int, state: TrialState, **values: Any) -> None:
        """End a trial."""
        trial_id = self.trial_ids[index]
        self.store.write(lambda session: endings.end_trial(session, self.held, trial_id, state, **values))

    def settle(self) -> None:
        """End the sweep."""
        assert self.store.write(lambda session: sweeps.settle(session, self.sweep_id))

    def give_up_and_lease_again(self) -> str:
        """Export, lose the pack to a crash, export, lease its trials again; returns the first run's id."""
        assert self.tracker().mirror(self.sweep_id)
        run_id = self.runs()[0].info.run_id
        error = {"kind": "crashed", "message": "exit code 1"}
        self.store.write(lambda session: endings.give_up(session, self.held, Failure.CRASHED, error))
        assert self.tracker().mirror(self.sweep_id)
        assert self.runs()[0].info.status == "SCHEDULED"
        assert self.runs()[0].data.tags["failure.kind"] == "crashed"
        self.held = self.lease()
        assert self.tracker().mirror(self.sweep_id)
        return run_id

    # ---- SQL

    def curve(self, index: int) -> Sequence[Report]:
        """A trial's reports."""
        return self.store.read(lambda session: reports.curve(session, self.trial_ids[index]))

    def change_trials(self, *indices: int, **values: Any) -> None:
        """Write columns of some trials, of all when none is named."""
        chosen = [self.trial_ids[index] for index in indices] or self.trial_ids
        statement = update(Trial).where(Trial.id.in_(chosen)).values(values)
        self.store.write(lambda session: session.execute(statement))

    def change_sweep(self, **values: Any) -> None:
        """Write columns of the sweep."""
        statement = update(Sweep).where(Sweep.id == self.sweep_id).values(values)
        self.store.write(lambda session: session.execute(statement))

    def change_mirrored_trials(self, *indices: int, **values: Any) -> None:
        """Write columns of what MLflow has of some trials, of all when none is named."""
        chosen = [self.trial_ids[index] for index in indices] or self.trial_ids
        statement = update(MirrorTrial).where(MirrorTrial.trial_id.in_(chosen)).values(values)
        self.store.write(lambda session: session.execute(statement))

    def change_mirrored_sweep(self, **values: Any) -> None:
        """Write columns of what MLflow has of the sweep."""
        statement = update(MirrorSweep).where(MirrorSweep.sweep_id == self.sweep_id).values(values)
        self.store.write(lambda session: session.execute(statement))

    def trial(self, index: int) -> Trial:
        """A trial as SQL has it."""
        return self.store.read(lambda session: trials.get(session, self.trial_ids[index]))

    def sweep(self) -> Sweep:
        """The sweep as SQL has it."""
        return self.store.read(lambda session: sweeps.get(session, self.sweep_id))

    # ---- MLflow

    def tracker(self, **changes: Any) -> Tracker:
        """A tracker of its own, like one more worker."""
        return Tracker(self.store, self.settings.model_copy(update=changes), "test")

    def client(self) -> MlflowClient:
        """MLflow's own client, as a user's notebook would have it."""
        return MlflowClient(tracking_uri=self.settings.mlflow_url)

    def runs(self, role: str = "trial", view: int = ViewType.ACTIVE_ONLY) -> list[Run]:
        """The sweep's runs of one role, by trial number."""
        client = self.client()
        everywhere = [e.experiment_id for e in client.search_experiments(view_type=ViewType.ALL)]
        text = f"tags.`sweep.id` = '{self.sweep_id}' AND tags.`sweep.role` = '{role}'"
        found = client.search_runs(everywhere, text, view)
        return sorted(found, key=lambda run: int(run.data.tags.get("trial.number", 0)))

    def parent(self) -> Run:
        """The sweep's run."""
        (run,) = self.runs("sweep")
        return run

    def history(self, index: int, name: str) -> list[Metric]:
        """Every point of a trial's metric."""
        run_id = self.runs()[index].info.run_id
        return sorted(self.client().get_metric_history(run_id, name), key=lambda point: point.step)

    def everything(self) -> dict[str, Any]:
        """All that MLflow shows of the sweep, for comparison."""
        client = self.client()
        shown = {}
        for run in [self.parent(), *self.runs(view=ViewType.ALL)]:
            points = {
                name: [
                    (m.step, m.value, m.timestamp) for m in client.get_metric_history(run.info.run_id, name)
                ]
                for name in run.data.metrics
            }
            shown[run.info.run_id] = (points, run.data.params, run.data.tags, run.info.status)
        return shown

    def artifacts(self, run: Run) -> set[str]:
        """Paths of all of a run's artifacts."""
        client = self.client()
        found, folders = set(), [""]
        while folders:
            for item in client.list_artifacts(run.info.run_id, folders.pop()):
                if item.is_dir:
                    folders.append(item.path)
                else:
                    found.add(item.path)
        return found

    def artifact(self, run: Run, name: str, folder: Path) -> bytes:
        """An artifact's content."""
        return Path(self.client().download_artifacts(run.info.run_id, name, str(folder))).read_bytes()


MakeStage = Callable[..., Stage]
