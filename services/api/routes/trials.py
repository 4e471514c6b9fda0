"""One trial: its config, its curve and the history of its attempts."""

from __future__ import annotations

from fastapi import APIRouter

from services.api.deps import ServicesDep
from services.api.views.trial import TrialDetail, trial_detail
from services.store import checkpoints, lineage, packs, reports, rung_decisions, sweeps, trials

router = APIRouter(tags=["trials"])


@router.get("/trials/{trial_id}", summary="Show a trial")
def one(trial_id: str, services: ServicesDep) -> TrialDetail:
    """A trial in full detail: its config, its curve, its attempts and its checkpoint."""
    trial, sweep, curve, attempts, saved, rungs, forks = services.store.read(
        lambda session: (
            trial := trials.get(session, trial_id),
            sweeps.get(session, trial.sweep_id),
            reports.curve(session, trial_id),
            packs.attempts(session, trial_id),
            checkpoints.of_trials(session, [trial_id]).get(trial_id),
            rung_decisions.of_trial(session, trial),
            lineage.forks_of(session, trial_id),
        )
    )
    return trial_detail(trial, sweep, curve, attempts, saved, rungs, forks, services.settings)
