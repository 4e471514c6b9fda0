"""Figures of one sweep as SVG: what its axes do to the objective, and how the best value has grown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query

from services.api.analyses import AtEpoch, SweepResults
from services.api.deps import ServicesDep
from services.api.svg_response import SvgResponse
from services.domain.errors import ParameterError, StateForbids, nearest
from services.domain.results.effects import Effects
from services.domain.results.intervals import is_usable
from services.domain.states import TRIAL_FINAL, TRIAL_GOOD, TrialState
from services.figures.axis_places import AxisPlaces
from services.figures.best_history import best_history, each_dot
from services.figures.effects_chart import effects_chart
from services.figures.heat_map import heat_map
from services.figures.parallel_coordinates import parallel_coordinates

router = APIRouter(tags=["sweeps"])
Figure = Annotated[Literal["effects", "heat-map", "parallel", "history"], Path(description="What to draw")]
AxisName = Annotated[str | None, Query(max_length=300, description="Of a heat map: an axis, by name or path")]


@router.get(
    "/sweeps/{sweep_id}/figures/{figure}.svg",
    response_class=SvgResponse,
    summary="Draw a figure of a sweep",
)
def draw_sweep(
    sweep_id: str,
    figure: Figure,
    services: ServicesDep,
    x: AxisName = None,
    y: AxisName = None,
    epoch: AtEpoch = None,
) -> SvgResponse:
    """The effects of all values, a heat map, parallel coordinates, or the history of the best value.

    A heat map is that of the two most important axes, or of those that `x` and `y` name. The first lines of a
    figure say at which epoch points are compared, `epoch` if it is given, and which trials are left out; the
    history is that of all epochs. Means, effects and the line of the best value are those of all trials. Of
    more than some hundreds, parallel coordinates and history draw a part as lines and dots, and of dozens of
    axes or values some are cut: the figure says so.
    """
    results = services.analyses.results(services.store, sweep_id, epoch)
    if figure == "history":
        return SvgResponse.drawn(_history(results))
    effects = services.analyses.effects(results, epoch)
    if figure == "effects":
        how = [*effects.words.split("; "), *effects.importance_words.split("; ")]
        lines = _lines(results, "effects of the values of each axis", how)
        return SvgResponse.drawn(effects_chart(lines, effects, results.sweep.spec.objective.metric))
    places = _by_importance(services.analyses.places(results, epoch), effects)
    if figure == "heat-map":
        return SvgResponse.drawn(_heat_map(results, places, x, y))
    return SvgResponse.drawn(_parallel(results, places))


def _by_importance(places: Sequence[AxisPlaces], effects: Effects) -> list[AxisPlaces]:
    """The axes as they are drawn, the most important one first; in their own order without importances."""
    shares = {axis.path: axis.importance.share for axis in effects.axes if axis.importance}
    return sorted(places, key=lambda axis: -shares.get(axis.path, 0.0))


def _heat_map(results: SweepResults, axes: Sequence[AxisPlaces], x: str | None, y: str | None) -> str:
    objective = results.sweep.spec.objective
    if len(axes) < 2:
        raise StateForbids(
            f"a heat map needs two axes, and only {axes[0].name} varies in sweep {results.sweep.id}; "
            "its effects are drawn by the figure effects"
        )
    first = (
        _named(axes, x, "x") if x else next(axis for axis in axes if not y or y not in (axis.name, axis.path))
    )
    second = _named(axes, y, "y") if y else next(axis for axis in axes if axis is not first)
    if first is second:
        raise ParameterError(
            f"query parameters x and y must name two different axes, got {first.name!r} for both"
        )
    return heat_map(
        _lines(results, f"{second.name} and {first.name}"),
        first,
        second,
        _means(results),
        metric=objective.metric,
        larger_is_better=objective.goal == "maximize",
    )


def _named(axes: Sequence[AxisPlaces], name: str, parameter: str) -> AxisPlaces:
    found = next((axis for axis in axes if name in (axis.name, axis.path)), None)
    if found is None:
        names = sorted(axis.name for axis in axes)
        raise ParameterError(
            f"query parameter {parameter} must name an axis that varies ({', '.join(names)}), got {name!r}."
            f"{nearest(name, names)}"
        )
    return found


def _parallel(results: SweepResults, axes: Sequence[AxisPlaces]) -> str:
    objective = results.sweep.spec.objective
    return parallel_coordinates(
        _lines(results, "each point's values and result"),
        axes,
        _means(results),
        metric=objective.metric,
        larger_is_better=objective.goal == "maximize",
    )


def _history(results: SweepResults) -> str:
    """Draw the values of trials in the order in which they ended; those that failed have none."""
    objective = results.sweep.spec.objective
    ended = sorted(
        (trial for trial in results.trials if trial.state in TRIAL_FINAL and trial.epoch),
        key=lambda trial: (trial.finished_at or 0, trial.number),
    )
    values = [
        (trial.epoch, trial.value if trial.state in TRIAL_GOOD and is_usable(trial.value) else None)
        for trial in ended
    ]
    title = f"{results.sweep.name}: best trial so far, by {objective.metric}"
    some_pruned = any(trial.state == TrialState.PRUNED for trial in ended)
    pruned = "; that of a pruned one is its value so far" if some_pruned else ""
    every = each_dot(len(ended))
    one, line = ("one", "") if every == 1 else (f"one in {every}", "; the line is that of all")
    counted = f"{len(ended):,} trials have ended; a dot is the value of {one}{pruned}{line}"
    return best_history(
        [title, counted],
        values,
        metric=objective.metric,
        larger_is_better=objective.goal == "maximize",
    )


def _means(results: SweepResults) -> list[float]:
    return [point.mean for point in results.compared.points]


def _lines(results: SweepResults, subject: str, more: Sequence[str] = ()) -> list[str]:
    """What stands above a figure: its subject, the points compared, and the trials left out."""
    compared = results.compared
    seeds = f" × {compared.repeats}" if compared.repeats.trials > 1 else ""
    points = "point" if len(compared.points) == 1 else "points"
    left = f"; left out: {compared.left_out.words}" if compared.left_out.words else ""
    return [
        f"{results.sweep.name}: {subject}",
        f"{len(compared.points):,} {points}{seeds} compared {compared.where}{left}",
        *more,
    ]
