"""What a sweep may be at most, and the refusal of one that is larger."""

from __future__ import annotations

from services.domain.errors import Problem, SpecError
from services.domain.plan.repeats import Repeats
from services.domain.spec.spec import Spec

MAX_AXES = 100
MAX_LISTED_VALUES = 1000  # of one axis
MAX_NAMED_CONFIGS = 1000  # that are resolved to find the paths of axes
MAX_COMBINATIONS = 5000  # of axes that depend on one another, and of shape axes
MAX_REPRESENTATIVES = 5000  # points whose choices are tried together
MAX_SHAPES = 200
MAX_NAMED_CLASSES = 100  # of which a plan keeps the names, once for each shape
MAX_RANDOM_TRIALS = 100_000  # each point is drawn once at submit
MAX_DRAWS_PER_SUBMIT = 100_000


def check_budget(spec: Spec) -> None:
    """Refuse a search that goes on for as long as it may, but does not say for how long, or for too long."""
    if spec.max_trials is None:
        detail = (
            f"search: {spec.search} needs max_trials, the number of trials to run (points × seeds × folds)"
        )
        raise SpecError([Problem("", detail)])
    if spec.max_trials > MAX_RANDOM_TRIALS:
        detail = f"must be at most {MAX_RANDOM_TRIALS} with search: {spec.search}, got {spec.max_trials}"
        raise SpecError([Problem("/max_trials", detail)])


def check_one_point(spec: Spec) -> None:
    """Refuse fewer trials than one point has."""
    if spec.max_trials is not None and spec.max_trials < spec.replicates:
        times = f"seeds × folds, {spec.replicates}" if spec.folds > 1 else f"seeds, {spec.seeds}"
        detail = f"must be at least {times}, so that one point can run; got {spec.max_trials}"
        raise SpecError([Problem("/max_trials", detail)])


def check_size(spec: Spec, points: int, limit: int) -> None:
    """Refuse more trials than `max_trials` allows or, where it is not given, than `limit`."""
    trials, repeats = points * spec.replicates, Repeats(spec.seeds, spec.folds)
    if trials <= (spec.max_trials or limit):
        return
    size = f"the space has {points} points" + (
        f", which with {repeats} are {trials} trials" if repeats.trials > 1 else ""
    )
    if spec.max_trials:
        detail = f"{size}, but max_trials is {spec.max_trials}; raise it or shorten an axis"
        raise SpecError([Problem("/max_trials", detail)])
    detail = f"{size}, more than the {limit} trials that a sweep may have without max_trials"
    raise SpecError([Problem("/space", f"{detail}; shorten an axis, or set max_trials: {trials}")])
