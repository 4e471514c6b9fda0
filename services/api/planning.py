"""From a submitted spec to its plan, and to what it would cost: what a submit does before it writes."""

from __future__ import annotations

from services.api.deps import Services
from services.api.validation import within
from services.api.views.dry_run import DryRun, preview
from services.domain.errors import Problem, SpecError
from services.domain.plan.plan import Plan
from services.domain.planning.catalog import ConfigFault
from services.domain.planning.planner import make_plan
from services.domain.spec.spec import Spec
from services.store import devices, speeds


def planned(spec: Spec, reached: Services) -> Plan:
    """The plan of a spec; `SpecError` points into the spec as the user sent it."""
    settings = reached.settings
    try:
        return make_plan(spec, reached.library, limit=settings.trial_limit, memory=settings.pack_memory)
    except SpecError as error:
        raise SpecError([within(problem, spec) for problem in error.problems]) from None
    except ConfigFault as fault:  # choices that are right one by one and do not go together
        raise SpecError([Problem("/space", str(fault))]) from None


def previewed(plan: Plan, reached: Services) -> DryRun:
    """What a plan's sweep would be on the devices that are alive now."""
    known, alive = reached.store.read(
        lambda session: (
            speeds.of_shapes(session, [shape.key for shape in plan.shapes]),
            sum(devices.live(session).values()),
        )
    )
    return preview(plan, reached.library, known, alive)
