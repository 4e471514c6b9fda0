"""The spec of a sweep that continues another one, with more epochs, more seeds or more points."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from services.domain.errors import Problem, SpecError, parts_of, pointer
from services.domain.plan.axis import Axis, ListedAxis
from services.domain.plan.config_text import EPOCHS
from services.domain.plan.plan import Plan
from services.domain.plan.trial_config import resting
from services.domain.planning.given_points import SamePoint, axis_named, coordinate_on
from services.domain.spec.axis_forms import OneOf, listed_values
from services.domain.spec.spec import MAX_GIVEN_POINTS, Spec

LISTED = "random"  # the search of a sweep that lists all of its points, and so visits no others


@dataclass(frozen=True)
class Extension:
    """The spec of the new sweep. `tried`: so many of the points that it lists are those of the old one.

    `brought` names the point, counted from 0 among the new ones, and the field in it that brought a value,
    by the value's axis and its index there.
    """

    spec: Spec
    tried: int = 0
    brought: Mapping[tuple[str, int], tuple[int, str]] = field(default_factory=dict)

    def in_request(self, problem: Problem) -> Problem:
        """A problem of the spec as one of the request, which has only the new points."""
        first, *rest = parts_of(problem.pointer) or [""]
        if first == "points" and rest:
            index, *inside = rest
            number = int(index) - self.tried
            if number < 0:
                return Problem("", f"point {index} of the sweep cannot be tried again: {problem.detail}")
            return Problem(pointer("points", number, *inside), self._detail(problem))
        if first == "space" and rest and rest[-1].isdigit():
            source = self.brought.get((rest[0], int(rest[-1])))
            return Problem(pointer("points", *source), problem.detail) if source else problem
        return problem

    def _detail(self, problem: Problem) -> str:
        if not isinstance(problem, SamePoint):
            return problem.detail
        if problem.other < self.tried:
            return f"the sweep has this point already, as point {problem.other}"
        return f"is the same point as number {problem.other - self.tried}, counted from 0"


def extended(
    spec: Spec,
    plan: Plan,
    *,
    epochs: int | None = None,
    seeds: int | None = None,
    points: Sequence[Mapping[str, Any]] | None = None,
    asked: Sequence[Mapping[str, Any]] = (),
) -> Extension:
    """The spec with so many epochs and seeds, and with these points more; None leaves things as they are.

    Its points have the numbers that they have in `plan`, so each of its trials has the seed, and the
    identity, that it has there. It reuses trials, whatever the first one did. `points` have values by the
    names of axes, as those of a spec; a value that a list lacks is added to the list. Then, and where the
    search chose points by results, the new sweep lists all of its points: those that were `asked` for are
    given by their values, by path, in their order. `SpecError` with a pointer into the request for what adds
    nothing, for epochs where these are an axis, and for too many points.
    """
    problems = _faults(spec, plan, epochs, seeds, points)
    if problems:
        raise SpecError(problems)
    extension = Extension(spec, len(spec.points))
    if points is not None or plan.asked is not None:
        extension = _with_points(spec, plan, asked, points or ())
    changes: dict[str, object] = {"reuse": True}
    if epochs is not None:
        changes["train"] = {**spec.train, "epochs": epochs}
    if seeds is not None or extension.spec is not spec:
        count = plan.points if extension.spec is spec else len(extension.spec.points)
        changes |= {
            "seeds": seeds or spec.seeds,
            "max_trials": count * (seeds or spec.seeds) * spec.folds,
        }
    return replace(extension, spec=extension.spec.model_copy(update=changes))


def _faults(
    spec: Spec,
    plan: Plan,
    epochs: int | None,
    seeds: int | None,
    points: Sequence[Mapping[str, Any]] | None,
) -> list[Problem]:
    """What adds nothing."""
    problems = []
    if epochs is None and seeds is None and points is None:
        detail = "must have epochs, seeds or points, of which there are to be more; got none of them"
        problems.append(Problem("", detail))
    if any(axis.path == EPOCHS for axis in plan.axes):
        if epochs is not None:
            detail = f"{EPOCHS} is an axis of the sweep; submit one with other values of it, got {epochs}"
            problems.append(Problem("/epochs", detail))
    elif epochs is not None and epochs <= (now := plan.shapes[0].epochs):
        problems.append(Problem("/epochs", f"must be more than the {now} that its trials have, got {epochs}"))
    elif epochs is not None and (
        path := resting(plan.base, ((axis.path, axis.values or ()) for axis in plan.axes))
    ):
        detail = (
            f"{path}.over is rest, what is left of training: with {epochs} epochs the rates of each trial "
            f"would be others from its first epoch on. Submit a sweep of its own with {EPOCHS} {epochs}; one "
            "that is to go on later has a number there"
        )
        problems.append(Problem("/epochs", detail))
    if seeds is not None and seeds <= plan.seeds:
        problems.append(Problem("/seeds", f"must be more than the {plan.seeds} that it has, got {seeds}"))
    if points is not None and not points:
        problems.append(Problem("/points", "must list at least one point, got an empty list"))
    return problems


def _with_points(
    spec: Spec, plan: Plan, asked: Sequence[Mapping[str, Any]], more: Sequence[Mapping[str, Any]]
) -> Extension:
    """The spec that lists the points there are and, behind them, those that are added."""
    tried = plan.points if plan.asked is None else len(asked)
    if not tried and not more:
        raise SpecError([Problem("", "none of its points was ever tried, so there is nothing to continue")])
    if tried + len(more) > MAX_GIVEN_POINTS:
        detail = (
            f"the sweep has {tried} points, and the new one would list {tried + len(more)}, of at most "
            f"{MAX_GIVEN_POINTS}; submit the new points as a sweep of their own"
        )
        raise SpecError([Problem("/points" if more else "", detail)])
    there = asked if plan.asked is not None else map(plan.values, range(tried))
    space, brought = _wider(spec, plan, more)
    changes = {
        "space": space,
        "points": [*(_written(values, plan.axes) for values in there), *map(dict, more)],
        "search": LISTED,
        "warm_start": [],
    }
    return Extension(spec.model_copy(update=changes), tried, brought)


def _wider(
    spec: Spec, plan: Plan, more: Sequence[Mapping[str, Any]]
) -> tuple[dict[str, Any], dict[tuple[str, int], tuple[int, str]]]:
    """The space in which lists have the values that new points bring, and which of them brought each."""
    space, brought = dict(spec.space), dict[tuple[str, int], tuple[int, str]]()
    problems = []
    for index, point in enumerate(more):
        for name, value in point.items():
            axis = axis_named(name, plan.axes)
            if not isinstance(axis, ListedAxis) or coordinate_on(axis, value) is not None:
                continue  # planning refuses what is no axis and what is no number of a range
            form = space[axis.name]
            values = listed_values(form) or []
            if value in values:
                continue
            if any(axis.path in zipped for zipped in plan.space.dependencies.zips):
                have = f"must be a value that {axis.name} has, because it is zipped with others"
                problems.append(Problem(pointer("points", index, name), f"{have}; got {value!r}"))
                continue
            wider = [*values, value]
            space[axis.name] = form.model_copy(update={"choice": wider}) if isinstance(form, OneOf) else wider
            brought[axis.name, len(values)] = index, name
    if problems:
        raise SpecError(problems)
    return space, brought


def _written(values: Mapping[str, Any], axes: Sequence[Axis]) -> dict[str, Any]:
    """A point's values, which are by path and complete, as a spec lists them."""
    found = {}
    for axis in axes:
        if axis.path in values and (at := axis.coordinate_of(values[axis.path])) is not None:
            found[axis.name] = axis.as_written(at)
    return found
