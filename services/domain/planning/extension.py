"""The spec of a sweep that continues another one, with more epochs or more seeds."""

from __future__ import annotations

from services.domain.errors import Problem, SpecError
from services.domain.plan.identity import EPOCHS
from services.domain.plan.plan import Plan
from services.domain.spec.spec import Spec


def extended(spec: Spec, plan: Plan, *, epochs: int | None, seeds: int | None) -> Spec:
    """The spec with so many epochs and seeds; None leaves a number as it is.

    Its points have the numbers that they have in `plan`, so each of its trials has the seed, and the
    identity, that it has there. It reuses trials, whatever the first one did. `SpecError` with a pointer into
    the request for a number that adds nothing, and for epochs where these are an axis.
    """
    problems = []
    if plan.asked is not None:
        detail = f"search {spec.search} chooses points by results, so a longer sweep would have other points"
        raise SpecError([Problem("", f"{detail}; submit a sweep with warm_start: [SWEEP] instead")])
    if epochs is None and seeds is None:
        problems.append(Problem("", "must have epochs or seeds, of which there are to be more; got neither"))
    if any(axis.path == EPOCHS for axis in plan.axes):
        if epochs is not None:
            detail = f"{EPOCHS} is an axis of the sweep; submit one with other values of it, got {epochs}"
            problems.append(Problem("/epochs", detail))
    elif epochs is not None and epochs <= (now := plan.shapes[0].epochs):
        problems.append(Problem("/epochs", f"must be more than the {now} that its trials have, got {epochs}"))
    if seeds is not None and seeds <= plan.seeds:
        problems.append(Problem("/seeds", f"must be more than the {plan.seeds} that it has, got {seeds}"))
    if problems:
        raise SpecError(problems)
    changes: dict[str, object] = {"reuse": True}
    if epochs is not None:
        changes["train"] = {**spec.train, "epochs": epochs}
    if seeds is not None:
        changes |= {"seeds": seeds, "max_trials": plan.points * seeds}
    return spec.model_copy(update=changes)
