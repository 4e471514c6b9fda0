"""Sweeps: submitted, watched, cancelled."""

from __future__ import annotations

import logging
from typing import Annotated

from fastapi import APIRouter, BackgroundTasks, Query, Response

from services.api.deps import Reached, Services
from services.api.validation import within
from services.api.views.sweep import SweepsView, SweepView, sweep_view
from services.api.views.trial import TrialsView, trial_view
from services.dispatch import dispatch
from services.domain.errors import Problem, SpecError
from services.domain.catalogue import ConfigFault
from services.domain.plan import Plan
from services.domain.planner import make_plan
from services.domain.spec import Spec
from services.store import standing, sweeps, trials

router = APIRouter(tags=["sweeps"])
log = logging.getLogger(__name__)


@router.post("/sweeps", status_code=201)
def submit(spec: Spec, reached: Reached, later: BackgroundTasks, response: Response) -> SweepView:
    """Check a spec, write its sweep, answer; only then is the queue told."""
    plan = _plan(spec, reached)
    sweep_id = reached.store.write(lambda session: sweeps.insert(session, spec, plan))
    later.add_task(announce, reached)
    response.headers["Location"] = f"/v1/sweeps/{sweep_id}"
    return _view(sweep_id, reached)


@router.get("/sweeps")
def newest(reached: Reached, limit: Annotated[int, Query(ge=1, le=200)] = 50) -> SweepsView:
    """The newest sweeps, newest first."""
    found = reached.store.read(lambda session: standing.of(session, sweeps.newest(session, limit)))
    return SweepsView(sweeps=[sweep_view(each, reached.settings, reached.library) for each in found])


@router.get("/sweeps/{sweep_id}")
def one(sweep_id: str, reached: Reached) -> SweepView:
    """A sweep: how far it is, what is best, what it cost."""
    return _view(sweep_id, reached)


@router.post("/sweeps/{sweep_id}/cancel", status_code=202)
def cancel(sweep_id: str, reached: Reached) -> SweepView:
    """End a sweep: what waits is cancelled now, what runs within a worker's heartbeat."""
    reached.store.write(lambda session: sweeps.cancel(session, sweep_id))
    return _view(sweep_id, reached)


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


def _plan(spec: Spec, reached: Services) -> Plan:
    settings = reached.settings
    try:
        return make_plan(spec, reached.library, limit=settings.trial_limit, memory=settings.pack_memory)
    except SpecError as error:
        raise SpecError([within(problem, spec) for problem in error.problems]) from None
    except ConfigFault as fault:  # choices that are right one by one and do not go together
        raise SpecError([Problem("/space", str(fault))]) from None


def _view(sweep_id: str, reached: Services) -> SweepView:
    [found] = reached.store.read(lambda session: standing.of(session, [sweeps.get(session, sweep_id)]))
    return sweep_view(found, reached.settings, reached.library)
