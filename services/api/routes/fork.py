"""Fork a trial: a sweep of one trial that goes on from its weights with other values."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, BackgroundTasks, Response
from pydantic import Field

from services.api.deps import Services, ServicesDep
from services.api.idempotency import Key, digest_of
from services.api.known_fields import KnownFields
from services.api.read_sweep import read_sweep
from services.api.submission import announce, check_plugins
from services.api.views.sweep import SweepDetail
from services.domain.plan.plan import Plan
from services.domain.planning.fork_plan import Parent, plan_fork
from services.domain.spec.spec import Spec
from services.store import forks, submit_keys, sweeps, trials
from services.store.session import Session

router = APIRouter(tags=["trials"])


class ForkBody(KnownFields):
    """What a fork changes: new values by path, or by the end of one, such as `lr`."""

    changes: dict[str, Any] = Field(
        default_factory=dict, alias="set", examples=[{"train.optimizer.lr": 0.01}]
    )


@router.post("/trials/{trial_id}/fork", status_code=201, summary="Fork a trial")
def fork(
    trial_id: str,
    body: ForkBody,
    services: ServicesDep,
    background: BackgroundTasks,
    response: Response,
    key: Key = None,
) -> SweepDetail:
    """Go on from a trial's weights and its optimizer's state with other values, in a sweep of its own.

    The fork trains the epochs that the trial has left, and its curve begins behind the epoch at which it was
    forked. A trial that is training writes a checkpoint for it at the end of its present epoch; any other one
    is forked from its latest checkpoint. Only what rows of one array may differ in can be changed, and not
    the optimizer or a schedule that remembers what it has seen.
    """
    digest = digest_of({"fork": trial_id, "set": body.changes})
    earlier = services.store.read(lambda s: submit_keys.find(s, key, digest)) if key is not None else None
    sweep_id = earlier or _fork(trial_id, body.changes, services, key, digest)
    background.add_task(announce, services)
    response.headers["Location"] = f"/v1/sweeps/{sweep_id}"
    return read_sweep(sweep_id, services)


def _fork(trial_id: str, changes: dict[str, Any], services: Services, key: str | None, digest: str) -> str:
    """Plan a fork and write it, once for each idempotency key; the sweep's id."""
    spec, plan, planned_with = services.store.read(
        lambda session: _planned(session, trial_id, changes, services)
    )
    plugins = check_plugins(trial_id, plan, planned_with, services.library)

    def write(session: Session) -> str:
        if key is not None and (earlier := submit_keys.find(session, key, digest)):
            return earlier
        sweep_id = forks.fork(session, trial_id, spec, plan, plugins)
        if key is not None:
            submit_keys.keep(session, key, digest, sweep_id)
        return sweep_id

    return services.store.write(write)


def _planned(
    session: Session, trial_id: str, changes: dict[str, Any], services: Services
) -> tuple[Spec, Plan, str | None]:
    """The fork's spec and plan, and the digest of the plug-ins that the trial's sweep was planned with."""
    trial = trials.get(session, trial_id)
    sweep = sweeps.get(session, trial.sweep_id)
    parent = Parent(
        id=trial.id,
        number=trial.number,
        replicate=trial.replicate,
        seed=trial.seed,
        shape=trial.shape,
        target_epoch=trial.target_epoch,
        config=sweep.plan.config_of(trial),
        spec=sweep.spec,
        plan=sweep.plan,
    )
    spec, plan = plan_fork(parent, changes, services.library)
    return spec, plan, sweep.plugins
