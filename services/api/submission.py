"""Submit a sweep: make its plan, insert it, and announce its first packs."""

from __future__ import annotations

import logging
from typing import Any

from fastapi.exceptions import RequestValidationError

from services.api.deps import Services
from services.api.device_check import check_devices
from services.api.gpu_memory import with_gpu_memory
from services.api.library import Library
from services.api.validation import at_written_place
from services.api.views.dry_run import DryRunView, dry_run_view
from services.api.warm_start_check import check_warm_start
from services.api.written_spec import read_spec, without_faults
from services.dispatch import dispatch
from services.domain.errors import Problem, SpecError, StateForbids
from services.domain.plan.plan import Plan
from services.domain.planning.catalog import ConfigFault
from services.domain.planning.planner import make_plan
from services.domain.planning.problems import Problems
from services.domain.spec.spec import Spec
from services.host import EVERYWHERE
from services.store import devices, reuse, speeds, submit_keys, sweeps
from services.store.session import Session

log = logging.getLogger(__name__)


def planned(spec: Spec, services: Services, form: Problems | None = None) -> Plan:
    """Make the plan of a spec; `SpecError` points into the spec as the user sent it.

    `form` are faults of its form, whose fields it has lost.
    """
    limit, memory = services.settings.trial_limit, services.settings.pack_memory
    sent = list(form.found) if form else []
    try:
        plan = make_plan(spec, services.library, limit=limit, memory=memory, problems=form)
    except SpecError as error:
        problems = [each if each in sent else at_written_place(each, spec) for each in error.problems]
        raise SpecError(problems) from None
    except ConfigFault as fault:  # values that are valid one by one and clash when they meet
        raise SpecError([Problem("/space", str(fault))]) from None
    return plan.model_copy(update={"code": services.library.code_of(plan.model_dump(mode="json"))})


def _read_and_planned(document: Any, services: Services) -> tuple[Spec, Plan]:
    """Read and plan a spec; one whose form is wrong is planned without that, to list every fault."""
    try:
        spec = read_spec(document)
    except RequestValidationError as error:
        if (rest := without_faults(document, error)) is not None:
            planned(read_spec(rest[0]), services, rest[1])
        raise
    return spec, planned(spec, services)


def preview(document: Any, services: Services) -> DryRunView:
    """Describe the sweep that a spec would make on the devices that are alive now; write nothing."""
    spec, plan = _read_and_planned(document, services)
    spec = spec.with_default_metric(plan.shapes[0].metrics)
    services.store.read(lambda session: check_warm_start(session, spec))
    reused = services.store.read(lambda session: reuse.preview(session, spec, plan))
    measured, alive, offered = services.store.read(
        lambda session: (
            speeds.of_shapes(session, [shape.key for shape in plan.shapes]),
            sum(devices.live(session).values()),
            devices.precisions(session),
        )
    )
    check_devices(plan, offered)
    return dry_run_view(spec, plan, services.library, measured, alive, reused)


def find_by_key(key: str, digest: str, services: Services) -> str | None:
    """The sweep that an earlier request with this idempotency key made."""
    return services.store.read(lambda session: submit_keys.find(session, key, digest))


def insert(document: Any, services: Services, key: str | None, digest: str) -> str:
    """Plan a sweep and write it, once for each idempotency key; the sweep's id."""
    return write(*_read_and_planned(document, services), services, key, digest)


def write(
    spec: Spec, plan: Plan, services: Services, key: str | None, digest: str, extends: str | None = None
) -> str:
    """Write a planned sweep, with the results of others that it reuses, once for each key; its id.

    `extends` is the sweep that it continues.
    """
    if any(shape.precision not in EVERYWHERE for shape in plan.shapes):
        check_devices(plan, services.store.read(devices.precisions))
    if "cuda" in services.store.read(devices.live):
        plan = with_gpu_memory(plan, services.library)
    spec = spec.with_default_metric(plan.shapes[0].metrics)
    plugins = services.library.plugins_of(plan.model_dump(mode="json"))

    def add(session: Session) -> str:
        if key is not None and (earlier := submit_keys.find(session, key, digest)):
            return earlier
        sweeps.hold(session, spec.warm_start)
        check_warm_start(session, spec)
        if extends is not None and not sweeps.hold(session, [extends]):
            sweeps.get(session, extends)  # which says that it is gone
        sweep_id = sweeps.insert(session, spec, plan, plugins, extends)
        # At once: in a busy service it could be long before the sweep is served.
        reuse.draw(session, sweeps.lock(session, sweep_id))
        if key is not None:
            submit_keys.keep(session, key, digest, sweep_id)
        return sweep_id

    return services.store.write(add)


def check_plugins(trial_id: str, plan: Plan, planned_with: str | None, library: Library) -> str:
    """The digest of the plug-ins that a copy of a trial needs; `StateForbids` unless they are the trial's."""
    plugins = library.plugins_of(plan.model_dump(mode="json"))
    if plugins != (planned_with or ""):
        raise StateForbids(
            f"trial {trial_id} was planned with plug-ins {planned_with or 'none'}, but this API has "
            f"{plugins or 'none'}; set CNNLAB_PLUGINS to a folder with the same plug-ins"
        )
    return plugins


def announce(services: Services) -> None:
    """Form the first packs and announce them to the workers; if that fails, upkeep does it later."""
    try:
        dispatch(services.store, services.publisher, services.settings)
    except Exception:
        log.exception("nothing was dispatched after a request; upkeep will do it")
