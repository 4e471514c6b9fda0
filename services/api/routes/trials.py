"""One trial: its config, its curve and the history of its attempts."""

from __future__ import annotations

from fastapi import APIRouter

from services.api.deps import Reached
from services.api.views.trial import TrialDetail, trial_detail
from services.store import checkpoints, packs, reports, sweeps, trials

router = APIRouter(tags=["trials"])


@router.get("/trials/{trial_id}", summary="Show a trial")
def one(trial_id: str, reached: Reached) -> TrialDetail:
    """Everything known of a trial."""
    trial, sweep, curve, attempts, saved = reached.store.read(
        lambda session: (
            trial := trials.get(session, trial_id),
            sweeps.get(session, trial.sweep_id),
            reports.curve(session, trial_id),
            packs.attempts(session, trial_id),
            checkpoints.of_trials(session, [trial_id]).get(trial_id),
        )
    )
    return trial_detail(trial, sweep, curve, attempts, saved, reached.settings)
