"""Planning: a submitted spec becomes a plan, or an error that points at what is wrong in it."""

from __future__ import annotations

from services.domain.plan.plan import Plan
from services.domain.planning.catalog import Catalog
from services.domain.planning.check import check_axes
from services.domain.planning.completion import Completion
from services.domain.planning.name import name_axes
from services.domain.planning.number import number_points
from services.domain.planning.pack import pack_shapes
from services.domain.planning.problems import Problems
from services.domain.planning.read import read_axes
from services.domain.planning.stopping_check import check_stopping
from services.domain.planning.tie import tie_axes
from services.domain.spec.spec import Spec


def make_plan(
    spec: Spec, catalog: Catalog, *, limit: int, memory: int, problems: Problems | None = None
) -> Plan:
    """Resolve a spec into a plan, in six steps: read, name, tie, check, number, pack.

    `limit` is the most trials that a sweep may run without `max_trials`, `memory` the bytes that the rows of
    a pack may take. `SpecError` with a pointer into the spec for every fault of it: each step goes on without
    what an earlier one refused, and says nothing that may follow from that. `problems` are faults of form,
    of which the spec has lost the fields.
    """
    problems = problems or Problems()
    written = read_axes(spec, problems)
    axes, completion = name_axes(written, Completion(spec, catalog), problems)
    axes, dependencies = tie_axes(spec, written, axes, problems)
    axes, dependencies = check_axes(axes, dependencies, completion, limit, problems)
    numbered = number_points(axes, dependencies, completion, limit, problems)
    plan = pack_shapes(numbered, completion, memory, problems)
    check_stopping(spec, plan)
    return plan
