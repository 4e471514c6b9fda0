"""Which constraint is at fault, so that a refusal points to it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from services.domain.errors import Problem, pointer
from services.domain.plan import draws
from services.domain.plan.axis import Axis
from services.domain.plan.dependencies import Dependencies
from services.domain.spec.constraint import ConstraintError
from services.domain.spec.spec import Spec


def uncomputable(error: ConstraintError, spec: Spec) -> Problem:
    """The refusal of a constraint that cannot be computed at a point."""
    return Problem(_place(error.text, spec), str(error))


def unmet(dependencies: Dependencies, spec: Spec, leaves_none: Callable[[Dependencies], bool]) -> Problem:
    """The refusal of the constraint that takes the last points away: the first one with which none is left.

    `leaves_none` returns for some dependencies whether no point meets them.
    """
    constraints = dependencies.constraints
    for index, text in enumerate(constraints):
        if leaves_none(_only(dependencies, [text])):
            return Problem(_place(text, spec), "no point of the space meets it")
        if leaves_none(_only(dependencies, constraints[: index + 1])):
            detail = "no point of the space meets it and the constraints before it"
            return Problem(_place(text, spec), f"{detail}, though each alone leaves some")
    return Problem("/constraints", "no point of the space meets all constraints")


def undrawable(
    error: draws.Undrawable, axes: Sequence[Axis], dependencies: Dependencies, spec: Spec
) -> Problem:
    """The refusal of the constraint with which random points practically never meet all."""

    def leaves_none(some: Dependencies) -> bool:
        try:
            draws.Drawer(axes, some).draw(("blame",), {})
        except draws.Undrawable:
            return True
        return False

    return Problem(unmet(dependencies, spec, leaves_none).pointer, str(error))


def _only(dependencies: Dependencies, constraints: list[str]) -> Dependencies:
    return Dependencies(
        zips=dependencies.zips,
        conditions=dependencies.conditions,
        constraints=constraints,
        aliases=dependencies.aliases,
    )


def _place(text: str, spec: Spec) -> str:
    return pointer("constraints", spec.constraints.index(text))
