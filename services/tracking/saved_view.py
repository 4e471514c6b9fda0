"""A saved view of MLflow's run page: leaderboard, charts and filter of one sweep, behind one address.

The format is MLflow's own and undocumented (read from the pages of 3.17): an experiment's tag
`mlflow.sharedViewState.<key>` holds `{"name", "createdAt", "updatedAt", "state"}`; `state` is "deflate;" and
the base64 of the compressed JSON of what the page remembers. Whoever writes it must be ready for a page that
does not understand it; the plain link of `links.sweep_link` shows the same runs without charts.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from services.domain.plan.plan import Plan
from services.domain.spec.spec import Objective
from services.store.models import Sweep
from services.tracking import links, names

TAG = "mlflow.sharedViewState."
FEW, FEWEST = "FIRST_20_RUNS", "FIRST_10_RUNS"  # that charts show: of many the best, so that they can be read
FOLDED = 200  # points whose group the view of means folds; the others stand open
# Sections that the page makes of metrics without a chart of ours; closed, in this order, below ours.
CLOSED = ("best", "gap", "perf", "Model metrics", "System metrics")

POINT = "trial.point"  # the tag that replicates share

Json = dict[str, Any]


@dataclass(frozen=True)
class Coordinate:
    """An axis as charts can show it: the param that has it, and whether that is a number in every run."""

    param: str
    numeric: bool
    always: bool  # every trial has it; a chart of several axes leaves runs without one of them out


def tags(sweep: Sweep, plan: Plan, objective: Objective) -> dict[str, str]:
    """The experiment's tags that hold the sweep's views: of its trials, and with several seeds of means."""
    name = f"{sweep.name} · {sweep.id}"
    found = {TAG + links.view_key(sweep.id): _saved(name, sweep, state(sweep.id, plan, objective))}
    if plan.seeds > 1:
        means = means_state(sweep.id, plan, objective)
        found[TAG + links.means_key(sweep.id)] = _saved(f"{name} · means over seeds", sweep, means)
    return found


def state(sweep_id: str, plan: Plan, objective: Objective) -> Json:
    """What the page remembers: every trial of the sweep, best first."""
    axes = coordinates(plan)
    return _state(sweep_id, objective, axes, plan.trials, *_cards(objective, axes, _metrics(plan)))


def means_state(sweep_id: str, plan: Plan, objective: Objective) -> Json:
    """The same with the trials of each point taken together; only numbers have means."""
    axes = [axis for axis in coordinates(plan) if axis.numeric]
    key = POINT
    points = [names.group(point, plan) for point in range(min(plan.points, FOLDED))]
    return _state(sweep_id, objective, axes, plan.points, *_cards(objective, axes, _metrics(plan))) | {
        "groupBy": {
            "aggregateFunction": "average",
            "groupByKeys": [{"mode": "tag", "groupByData": key}],
        },
        "groupsExpanded": {f"tag.{key}.{point}": False for point in points},
    }


def coordinates(plan: Plan) -> list[Coordinate]:
    """The swept axes, those over decades by their logarithm."""
    conditional = plan.space.dependencies.conditional
    found = []
    for axis in plan.axes:
        if axis.size != 1:
            param = (
                f"log10.{axis.name}" if names.logarithmic(axis) and not names.has_zero(axis) else axis.name
            )
            found.append(Coordinate(param, names.numeric(axis), axis.path not in conditional))
    return found


def read(tag: str) -> Json:
    """The state inside a tag."""
    packed = json.loads(tag)["state"].removeprefix("deflate;")
    found: Json = json.loads(zlib.decompress(base64.b64decode(packed)))
    return found


def _saved(name: str, sweep: Sweep, content: Json) -> str:
    text = json.dumps(content, separators=(",", ":"))
    packed = base64.b64encode(zlib.compress(text.encode(), 9)).decode()
    times = {"createdAt": sweep.created_at, "updatedAt": sweep.created_at}
    return json.dumps({"name": name, **times, "state": f"deflate;{packed}"}, ensure_ascii=False)


def _metrics(plan: Plan) -> list[str]:
    """The metrics that have a curve."""
    configs = [plan.shape_config(index) for index in range(len(plan.shapes))]
    parts = ["train"]
    parts += ["val"] if any(config["data"].get("validation") for config in configs) else []
    parts += ["test"] if any(config["train"].get("test") == "each-epoch" for config in configs) else []
    measures = [*dict.fromkeys(shape.metric for shape in plan.shapes), "loss"]
    return [f"{part}/{measure}" for part in parts for measure in measures]


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
        "runsHiddenMode": FEW if lines <= 20 else FEWEST,
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


def _cards(
    objective: Objective, axes: Sequence[Coordinate], metrics: Sequence[str]
) -> tuple[list[Json], list[Json]]:
    """Sections from the answer down to details, and the charts in them."""
    goal, bars = links.ranking_metric(objective), links.error_metric(objective)
    best = "highest" if objective.goal == "maximize" else "lowest"
    sections = [
        _section("answer", f"Which is best: {goal}, {best} first", columns=2, cardHeight=420),
        _section("curves", "Curves of the best trials", columns=2, cardHeight=320),
        _section("axes", f"One axis at a time against {goal}: the best trials", columns=3, cardHeight=300),
        *(_section(name, name, display=False) for name in CLOSED),
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
    for name in sorted(metrics, key=lambda name: _nearness(name, objective)):
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


def _nearness(metric: str, objective: Objective) -> tuple[bool, bool, str]:
    """The objective's curve first, then those of its own part, then the others."""
    part = objective.metric.split("/")[0]
    return metric != objective.metric, not metric.startswith(part), metric


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
