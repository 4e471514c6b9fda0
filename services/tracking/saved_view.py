"""Saved views of MLflow's run page: the leaderboard, charts and filter of one sweep under one address.

The format is MLflow's own and undocumented (read from the source of its pages, 3.17): an experiment's tag
`mlflow.sharedViewState.<key>` holds `{"name", "createdAt", "updatedAt", "state"}`; `state` is "deflate;" and
the base64 of the compressed JSON of the page's state. Another version may not understand it; then
`links.sweep_link` shows the same runs without charts.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from services.domain.plan.plan import Plan
from services.domain.plan.point_label import short_names
from services.domain.spec.objective import LOSS, MetricKey, Objective
from services.store.models import Sweep
from services.tracking import links, names

VIEW_TAG = "mlflow.sharedViewState."
FIRST_20, FIRST_10 = "FIRST_20_RUNS", "FIRST_10_RUNS"  # how many of the best trials the charts show
MAX_FOLDED_POINTS = 200  # groups of trials that the view of means shows collapsed; further ones are expanded
# Sections that MLflow itself makes for all other metrics; collapsed, in this order, below ours.
CLOSED_SECTIONS = ("best", "gap", "perf", "Model metrics", "System metrics")

Json = dict[str, Any]


@dataclass(frozen=True)
class Coordinate:
    """An axis as charts show it: its param, and whether that is a number in every run."""

    param: str
    numeric: bool
    always: bool  # every trial has it; a chart of several axes omits runs that lack one of them


def tags(sweep: Sweep, plan: Plan, objective: Objective) -> dict[str, str]:
    """Make the experiment's tags with the sweep's views: of its trials and, with several seeds, of means."""
    name = f"{sweep.name} · {sweep.id}"
    found = {VIEW_TAG + links.view_key(sweep.id): _saved(name, sweep, state(sweep.id, plan, objective))}
    if plan.replicates > 1:
        means = means_state(sweep.id, plan, objective)
        found[VIEW_TAG + links.means_key(sweep.id)] = _saved(
            f"{name} · means over {plan.repeats.unit}s", sweep, means
        )
    return found


def state(sweep_id: str, plan: Plan, objective: Objective) -> Json:
    """Make the page's state: every trial of the sweep, best first."""
    axes = coordinates(plan)
    return _state(sweep_id, objective, axes, plan.trials, *_cards(objective, axes, plan))


def means_state(sweep_id: str, plan: Plan, objective: Objective) -> Json:
    """Make the same state with trials grouped by point, of which all have ended; only numbers have means."""
    axes = [axis for axis in coordinates(plan) if axis.numeric]
    known = plan.points if plan.asked is None else 0  # others get their names when they are chosen
    points = [names.point(point, plan.values(point), plan) for point in range(min(known, MAX_FOLDED_POINTS))]
    return _state(sweep_id, objective, axes, plan.points, *_cards(objective, axes, plan)) | {
        "searchFilter": links.means_filter(sweep_id),
        "groupBy": {
            "aggregateFunction": "average",
            "groupByKeys": [{"mode": "tag", "groupByData": names.POINT_TAG}],
        },
        "groupsExpanded": {f"tag.{names.POINT_TAG}.{point}": False for point in points},
    }


def coordinates(plan: Plan) -> list[Coordinate]:
    """List the axes that vary, by the short names that charts have room for; decades by their logarithm."""
    conditional = plan.space.dependencies.conditional
    short = short_names(plan.axes)
    found = []
    for axis in plan.axes:
        if axis.size != 1:
            decades = names.logarithmic(axis) and not names.has_zero(axis)
            param = names.log10_param(short[axis.path]) if decades else short[axis.path]
            found.append(Coordinate(param, names.numeric(axis), axis.path not in conditional))
    return found


def read(tag: str) -> Json:
    """Decode the state in a tag."""
    packed = json.loads(tag)["state"].removeprefix("deflate;")
    found: Json = json.loads(zlib.decompress(base64.b64decode(packed)))
    return found


def _saved(name: str, sweep: Sweep, content: Json) -> str:
    text = json.dumps(content, separators=(",", ":"))
    packed = base64.b64encode(zlib.compress(text.encode(), 9)).decode()
    times = {"createdAt": sweep.created_at, "updatedAt": sweep.created_at}
    return json.dumps({"name": name, **times, "state": f"deflate;{packed}"}, ensure_ascii=False)


def _curves(plan: Plan) -> list[MetricKey]:
    """What has a curve."""
    configs = [plan.shape_config(index) for index in range(len(plan.shapes))]
    parts = ["train"]
    parts += ["val"] if any(shape.images.get("val") for shape in plan.shapes) else []
    parts += ["test"] if any(config["train"].get("test") == "each-epoch" for config in configs) else []
    charted = [metric for metric in plan.metrics if not metric.entry]  # a chart for each class is too many
    return [MetricKey(part, metric.name) for part in parts for metric in (*charted, LOSS)]


def _state(
    sweep_id: str,
    objective: Objective,
    axes: Sequence[Coordinate],
    lines: int,
    sections: list[Json],
    charts: list[Json],
) -> Json:
    goal = links.ranking_metric(objective)
    return {
        "searchFilter": links.trials_filter(sweep_id),
        "orderByKey": f"metrics.`{goal}`",
        "orderByAsc": objective.goal == "minimize",
        "startTime": "ALL",
        "lifecycleFilter": "Active",
        "datasetsFilter": [],
        "modelVersionFilter": "All Runs",
        "selectedColumns": [f"metrics.`{goal}`", *(f"params.`{axis.param}`" for axis in axes)],
        "columnOrder": [],
        "columnWidths": {},
        "runsExpanded": {},
        "runsPinned": [],
        "runsHidden": [],
        "runsVisibilityMap": {},
        "runsHiddenMode": FIRST_20 if lines <= 20 else FIRST_10,
        "viewMaximized": False,
        "runListHidden": False,
        "isAccordionReordered": True,  # else the page sorts sections by name
        "useGroupedValuesInCharts": True,
        "hideEmptyCharts": True,
        "groupBy": None,
        "groupsExpanded": {},
        "autoRefreshEnabled": True,
        "globalLineChartConfig": {"xAxisKey": "step", "lineSmoothness": 0, "selectedXAxisMetricKey": ""},
        "chartsSearchFilter": "",
        "compareRunSections": sections,
        "compareRunCharts": charts,
    }


def _cards(objective: Objective, axes: Sequence[Coordinate], plan: Plan) -> tuple[list[Json], list[Json]]:
    """Make the sections, from the result down to details, and their charts."""
    goal, bars = links.ranking_metric(objective), links.error_metric(objective, plan.metrics)
    best = "highest" if objective.goal == "maximize" else "lowest"
    sections = [
        _section("answer", f"Which is best: {goal}, {best} first", columns=2, cardHeight=420),
        _section("curves", "Curves of the best trials", columns=2, cardHeight=320),
        _section("axes", f"{goal} over each axis, for the best trials", columns=3, cardHeight=300),
        *(_section(name, name, display=False) for name in CLOSED_SECTIONS),
    ]
    together = [axis.param for axis in axes if axis.always]
    charts = []
    if together:
        charts.append(
            _chart(
                "answer", "PARALLEL", goal, selectedParams=together, selectedMetrics=[goal], showAllRuns=True
            )
        )
    charts.append(_chart("answer", "BAR", bars or goal, metricKey=bars or goal))
    for key in sorted(_curves(plan), key=lambda key: _nearness(key, objective)):
        name = str(key)
        charts.append(
            _chart(
                "curves",
                "LINE",
                name,
                metricKey=name,
                selectedMetricKeys=[name],
                lineSmoothness=0,
                xAxisKey="step",
                yAxisKey="metric",
                useGlobalXaxisKey=True,
                useGlobalLineSmoothing=True,
            )
        )
    charts += [
        _chart(
            "axes",
            "SCATTER",
            axis.param,
            xaxis={"key": axis.param, "type": "PARAM"},
            yaxis={"key": goal, "type": "METRIC"},
            runsCountToCompare=100,
        )
        for axis in axes
        if axis.numeric
    ]
    return sections, charts


def _nearness(key: MetricKey, objective: Objective) -> tuple[bool, bool, str]:
    """Sort the objective's curve first, then those of the same part, then the others."""
    return key != objective.measured, key.part != objective.measured.part, str(key)


def _section(uuid: str, name: str, *, display: bool = True, **layout: int) -> Json:
    return {"uuid": uuid, "name": name, "display": display, "isReordered": True, "deleted": False, **layout}


def _chart(section: str, kind: str, name: str, **more: Any) -> Json:
    return {
        "uuid": f"{section}-{kind.lower()}-{name}",
        "type": kind,
        "metricSectionId": section,
        "deleted": False,
        "isGenerated": False,
        "runsCountToCompare": 20,
        **more,
    }
