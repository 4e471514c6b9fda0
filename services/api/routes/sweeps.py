"""Sweeps: submitted, watched, cancelled."""

from __future__ import annotations

import logging
from typing import Annotated

from fastapi import APIRouter, BackgroundTasks, Query, Response

from services.api.deps import Reached, Services
from services.api.planning import planned, previewed
from services.api.views.dry_run import DryRun
from services.api.views.sweep import SweepsView, SweepView, sweep_view
from services.api.views.trial import TrialsView, trial_view
from services.dispatch import dispatch
from services.domain.spec import Spec
from services.store import standing, sweeps, trials

router = APIRouter(tags=["sweeps"])
log = logging.getLogger(__name__)


@router.post("/sweeps", status_code=201)
def submit(
    spec: Spec,
    reached: Reached,
    later: BackgroundTasks,
    response: Response,
    dry_run: Annotated[bool, Query(description="Store nothing; tell what the sweep would be")] = False,
) -> SweepView | DryRun:
    """Check a spec, write its sweep, answer; only then is the queue told. A dry run ends after the check."""
    plan = planned(spec, reached)
    if dry_run:
        response.status_code = 200
        return previewed(plan, reached)
    plugins = reached.library.plugins_of(plan.model_dump(mode="json"))
    sweep_id = reached.store.write(lambda session: sweeps.insert(session, spec, plan, plugins))
    later.add_task(announce, reached)
    response.headers["Location"] = f"/v1/sweeps/{sweep_id}"
    return shown(sweep_id, reached)


@router.get("/sweeps")
def newest(reached: Reached, limit: Annotated[int, Query(ge=1, le=200)] = 50) -> SweepsView:
    """The newest sweeps, newest first."""
    found = reached.store.read(lambda session: standing.of(session, sweeps.newest(session, limit)))
    return SweepsView(sweeps=[sweep_view(each, reached.settings, reached.library) for each in found])


@router.get("/sweeps/{sweep_id}")
def one(sweep_id: str, reached: Reached) -> SweepView:
    """A sweep: how far it is, what is best, what it cost."""
    return shown(sweep_id, reached)


@router.get("/sweeps/{sweep_id}/trials")
def leaderboard(
    sweep_id: str,
    reached: Reached,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    offset: Annotated[int, Query(ge=0, le=2**31)] = 0,
) -> TrialsView:
    """A sweep's trials, best first; those without a value last."""
    sweep = reached.store.read(lambda session: sweeps.get(session, sweep_id))
    objective = Spec.model_validate(sweep.spec).objective
    found = reached.store.read(
        lambda session: trials.leaderboard(session, sweep_id, objective, limit, offset)
    )
    return TrialsView(trials=[trial_view(trial, sweep, reached.settings) for trial in found])


def announce(reached: Services) -> None:
    """Form and send the first packs; whatever fails here, upkeep does later."""
    try:
        dispatch(reached.store, reached.publisher, reached.settings)
    except Exception:
        log.exception("nothing was dispatched after a submit; upkeep will do it")


def shown(sweep_id: str, reached: Services) -> SweepView:
    """A sweep as it stands."""
    [found] = reached.store.read(lambda session: standing.of(session, [sweeps.get(session, sweep_id)]))
    return sweep_view(found, reached.settings, reached.library)
