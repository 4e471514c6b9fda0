"""Extend a sweep: a new one with more epochs, seeds or points, which reuses what the first has trained."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, BackgroundTasks, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import Field

from services.api import submission
from services.api.deps import Services, ServicesDep
from services.api.idempotency import Key, digest_of
from services.api.known_fields import KnownFields
from services.api.read_sweep import read_sweep
from services.api.views.planning import PlanningView
from services.api.views.sweep import SweepDetail
from services.domain.errors import SpecError, StateForbids
from services.domain.planning.extension import extended
from services.domain.planning.problems import Problems
from services.domain.spec.axis_forms import Whole
from services.domain.spec.spec import MAX_GIVEN_POINTS
from services.domain.states import SWEEP_FINAL
from services.store import sweeps, trials
from services.store.models import Sweep
from services.store.session import Session

router = APIRouter(tags=["sweeps"])


class ExtendBody(KnownFields):
    """What the new sweep has more of."""

    epochs: Annotated[Whole, Field(ge=1, le=10_000)] | None = None
    seeds: Annotated[Whole, Field(ge=1, le=100)] | None = None
    points: Annotated[list[dict[str, Any]], Field(max_length=MAX_GIVEN_POINTS)] | None = None


@router.post(
    "/sweeps/{sweep_id}/extend",
    status_code=201,
    summary="Continue a sweep with more epochs, seeds or points",
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
    checkpoint while it is kept. `points` are listed as in a spec: values by the names of axes, of which those
    left out are drawn at random; a value that a list of the space lacks is added. An `Idempotency-Key` is
    used as for a submit.
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
    sweep, asked = services.store.read(lambda session: _read(session, sweep_id))
    if origin := sweep.plan.origin:
        what = "repeats" if sweep.plan.pin else "is a fork of"
        raise StateForbids(
            f"sweep {sweep_id} {what} trial {origin.trial}, so it is as long as that trial and has no point "
            "but its own; extend the sweep of that trial"
        )
    if sweep.state not in SWEEP_FINAL:
        raise StateForbids(
            f"sweep {sweep_id} is {sweep.state}; only a sweep that has ended can be extended: "
            "wait for its end, or stop it"
        )
    extension = extended(
        sweep.spec, sweep.plan, epochs=body.epochs, seeds=body.seeds, points=body.points, asked=asked
    )
    problems = Problems()
    problems.tried = extension.tried
    try:
        plan = submission.planned(extension.spec, services, problems)
    except SpecError as error:
        raise SpecError([extension.in_request(problem) for problem in error.problems]) from None
    return submission.write(extension.spec, plan, services, key, digest, extends=sweep_id)


def _read(session: Session, sweep_id: str) -> tuple[Sweep, list[dict[str, Any]]]:
    """The sweep and, of a search by results, the values of its points."""
    sweep = sweeps.get(session, sweep_id)
    return sweep, trials.values_of_points(session, sweep_id) if sweep.plan.asked is not None else []
