"""What a user does to sweeps and trials that are there: pause, resume, stop, cancel, retry."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import APIRouter, BackgroundTasks

from services.api.deps import Reached, Services
from services.api.routes.sweeps import announce, shown
from services.api.views.sweep import SweepView
from services.api.views.trial import TrialView, trial_view
from services.store import sweep_verbs, sweeps, trial_verbs, trials
from services.store.models import Sweep, Trial
from services.store.session import Session

router = APIRouter()


@router.post("/sweeps/{sweep_id}/pause", status_code=202, tags=["sweeps"], summary="Pause a sweep")
def pause(sweep_id: str, reached: Reached) -> SweepView:
    """Have workers checkpoint and give their devices back; only an active sweep can be paused.

    Packs that wait are withdrawn now, those that run end within a worker's heartbeat. It costs no trial an
    attempt's budget. A paused sweep is left as it is.
    """
    return _sweep(sweep_id, reached, sweep_verbs.pause)


@router.post("/sweeps/{sweep_id}/resume", status_code=202, tags=["sweeps"], summary="Resume a paused sweep")
def resume(sweep_id: str, reached: Reached, later: BackgroundTasks) -> SweepView:
    """Go on from the checkpoints; curves come out as if there had been no pause."""
    later.add_task(announce, reached)
    return _sweep(sweep_id, reached, sweep_verbs.resume)


@router.post("/sweeps/{sweep_id}/stop", status_code=202, tags=["sweeps"], summary="Stop a sweep")
def stop(sweep_id: str, reached: Reached, later: BackgroundTasks) -> SweepView:
    """Finish the trials that have begun and start no other; only an active or paused sweep can be stopped."""
    later.add_task(announce, reached)
    return _sweep(sweep_id, reached, sweep_verbs.stop)


@router.post("/sweeps/{sweep_id}/cancel", status_code=202, tags=["sweeps"], summary="Cancel a sweep")
def cancel(sweep_id: str, reached: Reached) -> SweepView:
    """End a sweep that is not over: what waits is cancelled now, what runs within a worker's heartbeat."""
    return _sweep(sweep_id, reached, sweep_verbs.cancel)


@router.post("/sweeps/{sweep_id}/retry", status_code=202, tags=["sweeps"], summary="Retry what has no result")
def retry(sweep_id: str, reached: Reached, later: BackgroundTasks) -> SweepView:
    """Try failed and cancelled trials again, and run those that were never drawn.

    Only a sweep that is active or over can be retried. Trials go on from their checkpoints where these are
    still there; how often each has crashed is not forgotten.
    """
    later.add_task(announce, reached)
    return _sweep(sweep_id, reached, sweep_verbs.retry)


@router.post("/trials/{trial_id}/cancel", status_code=202, tags=["trials"], summary="Cancel a trial")
def cancel_trial(trial_id: str, reached: Reached) -> TrialView:
    """End one trial: one that waits now, one that runs at the end of its epoch."""
    return _trial(trial_id, reached, trial_verbs.cancel)


@router.post("/trials/{trial_id}/retry", status_code=202, tags=["trials"], summary="Retry a trial")
def retry_trial(trial_id: str, reached: Reached, later: BackgroundTasks) -> TrialView:
    """Try a failed or cancelled trial again; in a sweep that was over, this trial and no other."""
    later.add_task(announce, reached)
    return _trial(trial_id, reached, trial_verbs.retry)


def _sweep(sweep_id: str, reached: Services, verb: Callable[[Session, str], Sweep]) -> SweepView:
    reached.store.write(lambda session: verb(session, sweep_id))
    return shown(sweep_id, reached)


def _trial(trial_id: str, reached: Services, verb: Callable[[Session, str], Trial]) -> TrialView:
    reached.store.write(lambda session: verb(session, trial_id))
    trial, sweep = reached.store.read(
        lambda session: (found := trials.get(session, trial_id), sweeps.get(session, found.sweep_id))
    )
    return trial_view(trial, sweep, reached.settings)
