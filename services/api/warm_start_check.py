"""The sweeps whose results a search begins with: refused at submit where they are not there or do not fit."""

from __future__ import annotations

from services.domain.errors import NotFound, Problem, SpecError, pointer
from services.domain.spec.spec import Spec
from services.store import sweeps
from services.store.session import Session


def check_warm_start(session: Session, spec: Spec) -> None:
    """Raise `SpecError` for a sweep that is not there, is listed twice, or has another objective."""
    problems = []
    for index, sweep_id in enumerate(spec.warm_start):
        if (first := spec.warm_start.index(sweep_id)) != index:
            detail = f"{sweep_id} is listed already, at {first}; its results would count twice"
            problems.append(Problem(pointer("warm_start", index), detail))
            continue
        try:
            other = sweeps.get(session, sweep_id).spec.objective
        except NotFound as error:
            problems.append(Problem(pointer("warm_start", index), error.detail))
            continue
        if (other.metric, other.goal) != (spec.objective.metric, spec.objective.goal):
            detail = (
                f"must be a sweep ranked by {spec.objective.metric}, got {sweep_id}, ranked by {other.metric}"
            )
            problems.append(Problem(pointer("warm_start", index), detail))
    if problems:
        raise SpecError(problems)
