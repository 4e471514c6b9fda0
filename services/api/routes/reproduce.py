"""Repeat a trial: a sweep of one trial with the recorded seed and places, whose curve can be compared."""

from __future__ import annotations

from fastapi import APIRouter, BackgroundTasks, Response

from services.api.deps import ServicesDep
from services.api.idempotency import Key, digest_of
from services.api.read_sweep import read_sweep
from services.api.submission import announce, check_plugins
from services.api.views.sweep import SweepDetail
from services.domain.errors import StateForbids
from services.domain.plan.reproduction import repeat
from services.store import packs, submit_keys, sweeps, trials
from services.store.session import Session

router = APIRouter(tags=["trials"])


@router.post("/trials/{trial_id}/reproduce", status_code=201, summary="Train a trial again")
def reproduce(
    trial_id: str, services: ServicesDep, background: BackgroundTasks, response: Response, key: Key = None
) -> SweepDetail:
    """Train a trial again, in a sweep of its own, with the same seed and in the same places in arrays."""
    digest = digest_of({"reproduce": trial_id})

    def write(session: Session) -> str:
        if key is not None and (earlier := submit_keys.find(session, key, digest)):
            return earlier
        trial = trials.get(session, trial_id)
        sweep = sweeps.get(session, trial.sweep_id)
        if not trial.epoch:
            raise StateForbids(
                f"trial {trial_id} is {trial.state} and has no epoch to compare with; "
                "only a trial that has trained can be reproduced"
            )
        if trial.forked_from is not None:
            parent = trial.forked_from
            raise StateForbids(
                f"trial {trial_id} is a fork of trial {parent} and cannot be repeated from epoch 0; "
                f"reproduce {parent}, or fork it again with the same values"
            )
        places = packs.segments(session, trial_id, trial.epoch)
        spec, plan = repeat(sweep.spec, sweep.plan, trial, places)
        plugins = check_plugins(trial_id, plan, sweep.plugins, services.library)
        sweep_id = sweeps.insert(session, spec, plan, plugins)
        if key is not None:
            submit_keys.keep(session, key, digest, sweep_id)
        return sweep_id

    sweep_id = services.store.write(write)
    background.add_task(announce, services)
    response.headers["Location"] = f"/v1/sweeps/{sweep_id}"
    return read_sweep(sweep_id, services)
