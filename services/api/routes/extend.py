"""Extend a sweep: a new sweep with more epochs or seeds, which reuses what the first one has trained."""

from __future__ import annotations

from functools import partial
from typing import Annotated

from fastapi import APIRouter, BackgroundTasks, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, ConfigDict, Field

from services.api import submission
from services.api.deps import Services, ServicesDep
from services.api.idempotency import Key, digest_of
from services.api.read_sweep import read_sweep
from services.api.views.planning import PlanningView
from services.api.views.sweep import SweepDetail
from services.domain.errors import StateForbids
from services.domain.planning.extension import extended
from services.domain.spec.axis_forms import Whole
from services.domain.states import SWEEP_FINAL
from services.store import sweeps

router = APIRouter(tags=["sweeps"])


class ExtendBody(BaseModel):
    """What the new sweep has more of."""

    model_config = ConfigDict(extra="forbid")

    epochs: Annotated[Whole, Field(ge=1, le=10_000)] | None = None
    seeds: Annotated[Whole, Field(ge=1, le=100)] | None = None


@router.post(
    "/sweeps/{sweep_id}/extend",
    status_code=201,
    summary="Continue a sweep with more epochs or seeds",
    responses={202: {"model": PlanningView, "description": "Still being planned: send it again"}},
)
async def extend(
    sweep_id: str,
    body: ExtendBody,
    services: ServicesDep,
    background: BackgroundTasks,
    response: Response,
    key: Key = None,
) -> SweepDetail:
    """Continue a sweep that has ended, in a sweep of its own that names it.

    Trials that the first one has are not trained again, and those that get more epochs go on from their last
    checkpoint while it is kept. An `Idempotency-Key` is used as for a submit.
    """
    digest = digest_of({"extend": sweep_id, **body.model_dump()})
    new_id = None
    if key is not None:
        new_id = await run_in_threadpool(submission.find_by_key, key, digest, services)
    if new_id is None:
        insert = partial(_insert, sweep_id, body, services, key, digest)
        new_id = await services.plannings.run("extend", key, digest, insert)
        background.add_task(submission.announce, services)
    response.headers["Location"] = f"/v1/sweeps/{new_id}"
    return await run_in_threadpool(read_sweep, new_id, services)


def _insert(sweep_id: str, body: ExtendBody, services: Services, key: str | None, digest: str) -> str:
    """Plan the new sweep and write it; its id."""
    sweep = services.store.read(lambda session: sweeps.get(session, sweep_id))
    if sweep.plan.pin:
        raise StateForbids(
            f"sweep {sweep_id} repeats trial {sweep.plan.pin.trial}, so it is as long as that trial; "
            "extend the sweep of that trial"
        )
    if sweep.state not in SWEEP_FINAL:
        raise StateForbids(
            f"sweep {sweep_id} is {sweep.state}; only a sweep that has ended can be extended: "
            "wait for its end, or stop it"
        )
    spec = extended(sweep.spec, sweep.plan, epochs=body.epochs, seeds=body.seeds)
    plan = submission.planned(spec, services)
    return submission.write(spec, plan, services, key, digest, extends=sweep_id)
