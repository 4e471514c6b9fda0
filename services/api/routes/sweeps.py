"""Submit sweeps, list them, show one and its trials."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from functools import partial
from typing import Annotated

from fastapi import APIRouter, BackgroundTasks, Body, Query, Response
from fastapi.concurrency import run_in_threadpool

from services.api import cursor, submission
from services.api.cursor import After
from services.api.deps import Services, ServicesDep
from services.api.examples import EXAMPLE_SPECS
from services.api.idempotency import Key, digest_of
from services.api.read_sweep import read_sweep
from services.api.views.dry_run import DryRunView
from services.api.views.planning import PlanningView
from services.api.views.sweep import SweepDetail, SweepsView, sweep_view
from services.api.views.trial import TrialsView, trial_view
from services.api.written_spec import WrittenSpec
from services.domain.states import SweepState, TrialState
from services.store import sweep_status, sweeps, trials
from services.store.models import Sweep
from services.store.session import Session
from services.store.sweep_status import SweepStatus
from services.store.trials import BriefTrial

# From one look whether a sweep has ended to the next: a share of the wait until then, within bounds.
LOOK_SHARE, LEAST_LOOK_SECONDS, MOST_LOOK_SECONDS = 0.04, 0.1, 1.0
router = APIRouter(tags=["sweeps"])


@router.post(
    "/sweeps",
    status_code=201,
    summary="Submit a sweep",
    responses={
        200: {"model": DryRunView, "description": "What the sweep would be (dry_run)"},
        202: {"model": PlanningView, "description": "Still being planned: send the same request again"},
    },
)
async def submit(
    document: Annotated[WrittenSpec, Body(openapi_examples=EXAMPLE_SPECS)],
    services: ServicesDep,
    background: BackgroundTasks,
    response: Response,
    dry_run: Annotated[bool, Query(description="Describe the sweep and store nothing")] = False,
    key: Key = None,
) -> SweepDetail | DryRunView:
    """Check a spec and write its sweep; workers get its first packs after the answer.

    A dry run ends after the check. With an `Idempotency-Key`, a request that takes over 20 s to plan is
    answered with 202 and `Retry-After`; sent again it waits for the same plan.
    """
    digest = "" if key is None else await run_in_threadpool(digest_of, document)
    if dry_run:
        preview = partial(submission.preview, document, services)
        response.status_code = 200
        return await services.plannings.run("dry run", key, digest, preview)
    sweep_id = None
    if key is not None:
        sweep_id = await run_in_threadpool(submission.find_by_key, key, digest, services)
    if sweep_id is None:
        insert = partial(submission.insert, document, services, key, digest)
        sweep_id = await services.plannings.run("submit", key, digest, insert)
        background.add_task(submission.announce, services)
    response.headers["Location"] = f"/v1/sweeps/{sweep_id}"
    return await run_in_threadpool(read_sweep, sweep_id, services)


@router.get("/sweeps", summary="List sweeps", response_model=SweepsView)
def list_sweeps(
    services: ServicesDep,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    after: After = None,
    state: Annotated[
        list[SweepState] | None, Query(description="Only sweeps in this state; repeat it for more states")
    ] = None,
    project: Annotated[str | None, Query(max_length=100, description="Only sweeps of this project")] = None,
    name: Annotated[
        str | None, Query(max_length=100, description="Only sweeps with this text in their name")
    ] = None,
    beginning: Annotated[
        str | None,
        Query(alias="id", pattern="^[0-9a-f]{1,10}$", description="Only sweeps with an id that begins so"),
    ] = None,
) -> Response:
    """Sweeps in pages, newest first."""
    start = None if after is None else cursor.read("sweeps", after, int, str)
    only = sweeps.Filter(state or (), project, name, beginning)

    def read(session: Session) -> tuple[list[SweepStatus], str | None]:
        found = sweeps.newest(session, limit + 1, (start[0], start[1]) if start else None, only)
        last = found[limit - 1] if len(found) > limit else None
        more = cursor.write("sweeps", last.created_at, last.id) if last else None
        return sweep_status.of(session, found[:limit]), more

    page, more = services.store.read(read)
    views = [sweep_view(each, services.settings) for each in page]
    # Written here: the framework would validate every value of the page once more.
    return Response(SweepsView(sweeps=views, next=more).model_dump_json(), media_type="application/json")


@router.get("/sweeps/{sweep_id}", summary="Show a sweep")
async def show_sweep(
    sweep_id: str,
    services: ServicesDep,
    wait: Annotated[
        float,
        Query(ge=0, le=60, description="Answer when the sweep has ended, at the latest in so many seconds"),
    ] = 0.0,
) -> SweepDetail:
    """A sweep: its progress, its best point, its cost, and what keeps it from moving."""
    if wait:
        await _end(sweep_id, services, wait)
    return await run_in_threadpool(read_sweep, sweep_id, services)


async def _end(sweep_id: str, services: Services, seconds: float) -> None:
    """Wait for the end of a sweep, for so many seconds at most; no database connection is held meanwhile."""
    is_over = partial(services.store.read, partial(sweeps.is_over, sweep_id=sweep_id))
    began = time.monotonic()
    while not await run_in_threadpool(is_over):
        waited = time.monotonic() - began
        if waited >= seconds or services.shutdown.requested:
            return
        pause = min(max(LOOK_SHARE * waited, LEAST_LOOK_SECONDS), MOST_LOOK_SECONDS)
        await asyncio.sleep(min(seconds - waited, pause))


@router.get("/sweeps/{sweep_id}/trials", summary="List a sweep's trials")
def list_trials(
    sweep_id: str,
    services: ServicesDep,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    after: After = None,
    state: Annotated[
        list[TrialState] | None, Query(description="Only trials in this state; repeat it for more states")
    ] = None,
    point: Annotated[int | None, Query(ge=0, le=2**31, description="Only trials of this point")] = None,
) -> TrialsView:
    """A sweep's trials in pages, by number; trials that have not been drawn yet are not included."""
    start = -1 if after is None else cursor.read("trials", after, int)[0]

    def read(session: Session) -> tuple[Sweep, Sequence[BriefTrial]]:
        sweep = sweeps.get(session, sweep_id)
        return sweep, trials.page(session, sweep_id, limit + 1, start, state or (), point)

    sweep, found = services.store.read(read)
    return TrialsView(
        trials=[trial_view(trial, sweep, services.settings) for trial in found[:limit]],
        next=cursor.write("trials", found[limit - 1].number) if len(found) > limit else None,
    )
