"""What is in SQL about a trial whose model is taken out: its curve, and the point that it belongs to."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from services.domain.errors import StateForbids
from services.domain.json_numbers import Metrics, decode
from services.domain.results.intervals import Estimate
from services.domain.results.share import share_of
from services.figures import best_weights
from services.store import leaderboard, reports, sweeps, trials
from services.store.leaderboard import RankedPoint, RankPosition
from services.store.models import Sweep, Trial
from services.store.session import Session


@dataclass(frozen=True)
class TrainedTrial:
    """A trial, its sweep, its curve by epoch, and its point with all replicates."""

    trial: Trial
    sweep: Sweep
    curve: Sequence[tuple[int, Metrics]]
    point: RankedPoint

    @property
    def config(self) -> dict[str, Any]:
        """The resolved config, as plain JSON."""
        plain: dict[str, Any] = json.loads(json.dumps(self.sweep.plan.config_of(self.trial)))
        return plain

    @property
    def label(self) -> str:
        """The values of what varies."""
        return self.sweep.plan.labels.label(self.trial.values)

    @property
    def title(self) -> str:
        """The trial in one line: the sweep's name, its id, and what varies."""
        return f"{self.sweep.name}, trial {self.trial.id}: {self.label}"

    @property
    def estimate(self) -> Estimate:
        """The mean of its point over seeds."""
        plan, objective = self.sweep.plan, self.sweep.spec.objective
        return self.point.estimate(plan.repeats, share_of(plan, self.point.shape, objective))


def read(session: Session, trial_id: str) -> TrainedTrial:
    """Read it; `NotFound` if there is no such trial."""
    trial = trials.get(session, trial_id)
    sweep = sweeps.get(session, trial.sweep_id)
    curve = [(each.epoch, decode(each.metrics)) for each in reports.curve(session, trial_id)]
    place = RankPosition(0, 0.0, trial.point)  # only the point counts here
    (point,) = leaderboard.points(session, sweep.id, sweep.spec.objective, [place])
    return TrainedTrial(trial, sweep, curve, point)


def weights_file(trial: Trial, files: Path) -> Path:
    """The file with a trial's best weights; `StateForbids` if it has none, or if the file is gone."""
    if trial.best_file is None:
        epochs = f"{trial.epoch} of {trial.target_epoch} epochs"
        raise StateForbids(
            f"trial {trial.id} has no weights to use: it is {trial.state} with {epochs}, and a trial leaves "
            "its best weights once it has ended well"
        )
    if path := best_weights.path(files, trial.best_file):
        return path
    raise StateForbids(
        f"the best weights of trial {trial.id} are gone: there is no {trial.best_file} below CNNLAB_FILES, "
        f"{files}"
    )
