"""Sweeps: submitted, listed, watched."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, BackgroundTasks, Body, Query, Response

from services.api import cursor
from services.api.cursor import After
from services.api.deps import Reached, Services
from services.api.examples import SPECS
from services.api.idempotency import Digest, Key
from services.api.planning import planned, previewed
from services.api.views.dry_run import DryRun
from services.api.views.sweep import SweepsView, SweepView, sweep_view
from services.api.views.trial import TrialsView, trial_view
from services.dispatch import dispatch
from services.domain.spec.spec import Spec
from services.domain.states import SweepState, TrialState
from services.store import submit_keys, sweep_status, sweeps, trials
from services.store.models import Sweep, Trial
from services.store.session import Session
from services.store.sweep_status import SweepStatus

router = APIRouter(tags=["sweeps"])
log = logging.getLogger(__name__)


@router.post("/sweeps", status_code=201, summary="Submit a sweep")
def submit(
    spec: Annotated[Spec, Body(openapi_examples=SPECS)],
    reached: Reached,
    later: BackgroundTasks,
    response: Response,
    digest: Digest,
    dry_run: Annotated[bool, Query(description="Store nothing; tell what the sweep would be")] = False,
    key: Key = None,
) -> SweepView | DryRun:
    """Check a spec, write its sweep, answer; only then is the queue told. A dry run ends after the check."""
    known = None
    if key is not None and not dry_run:
        known = reached.store.read(lambda session: submit_keys.find(session, key, digest))
    if known is None:
        plan = planned(spec, reached)
        spec = spec.ranked_by(plan.shapes[0].metric)
        if dry_run:
            response.status_code = 200
            return previewed(plan, reached)
        plugins = reached.library.plugins_of(plan.model_dump(mode="json"))

        def write(session: Session) -> str:
            if key is not None and (found := submit_keys.find(session, key, digest)):
                return found
            sweep_id = sweeps.insert(session, spec, plan, plugins)
            if key is not None:
                submit_keys.keep(session, key, digest, sweep_id)
            return sweep_id

        known = reached.store.write(write)
        later.add_task(announce, reached)
    response.headers["Location"] = f"/v1/sweeps/{known}"
    return shown(known, reached)


@router.get("/sweeps", summary="List sweeps")
def newest(
    reached: Reached,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    after: After = None,
    state: Annotated[list[SweepState] | None, Query(description="Only in these; repeat it for more")] = None,
    project: Annotated[str | None, Query(max_length=100, description="Only of this project")] = None,
    name: Annotated[str | None, Query(max_length=100, description="Only with this in their name")] = None,
) -> SweepsView:
    """Sweeps in pages, newest first."""
    start = None if after is None else cursor.read("sweeps", after, int, str)
    only = sweeps.Filter(state or (), project, name)

    def read(session: Session) -> tuple[list[SweepStatus], str | None]:
        found = sweeps.newest(session, limit + 1, (start[0], start[1]) if start else None, only)
        last = found[limit - 1] if len(found) > limit else None
        more = cursor.write("sweeps", last.created_at, last.id) if last else None
        return sweep_status.of(session, found[:limit]), more

    page, more = reached.store.read(read)
    views = [sweep_view(each, reached.settings, reached.library) for each in page]
    return SweepsView(sweeps=views, next=more)


@router.get("/sweeps/{sweep_id}", summary="Show a sweep")
def one(sweep_id: str, reached: Reached) -> SweepView:
    """A sweep: how far it is, what is best, what it cost."""
    return shown(sweep_id, reached)


@router.get("/sweeps/{sweep_id}/trials", summary="List a sweep's trials")
def trials_of(
    sweep_id: str,
    reached: Reached,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    after: After = None,
    state: Annotated[list[TrialState] | None, Query(description="Only in these; repeat it for more")] = None,
    point: Annotated[int | None, Query(ge=0, le=2**31, description="Only of this point")] = None,
) -> TrialsView:
    """A sweep's trials in pages, by number; those not drawn yet are not among them."""
    start = -1 if after is None else cursor.read("trials", after, int)[0]

    def read(session: Session) -> tuple[Sweep, Sequence[Trial]]:
        sweep = sweeps.get(session, sweep_id)
        return sweep, trials.page(session, sweep_id, limit + 1, start, state or (), point)

    sweep, found = reached.store.read(read)
    return TrialsView(
        trials=[trial_view(trial, sweep, reached.settings) for trial in found[:limit]],
        next=cursor.write("trials", found[limit - 1].number) if len(found) > limit else None,
    )


def announce(reached: Services) -> None:
    """Form and send the first packs; whatever fails here, upkeep does later."""
    try:
        dispatch(reached.store, reached.publisher, reached.settings)
    except Exception:
        log.exception("nothing was dispatched after a submit; upkeep will do it")


def shown(sweep_id: str, reached: Services) -> SweepView:
    """A sweep as it stands."""
    [found] = reached.store.read(lambda session: sweep_status.of(session, [sweeps.get(session, sweep_id)]))
    return sweep_view(found, reached.settings, reached.library)
