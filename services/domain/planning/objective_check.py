"""What the trials of a shape measure, and whether the objective is among it."""

from __future__ import annotations

from collections.abc import Sequence

from services.domain.config import Config
from services.domain.errors import Problem, SpecError, nearest
from services.domain.planning.catalog import Catalog, ConfigFault, DryBuild
from services.domain.spec.objective import LOSS, PARTS, MetricFacts, MetricKey, Objective


def measured_metrics(
    objective: Objective, build: DryBuild, config: Config, others: Sequence[DryBuild], catalog: Catalog
) -> list[MetricFacts]:
    """What a shape's trials measure besides the loss: the default, train.metrics, the objective's.

    `others` are shapes of the same sweep: one objective has to rank the trials of all of them.
    """
    key = _checked(objective, build, others, catalog)
    wanted = [build.metrics[0].name, *config["train"].get("metrics", ()), key.name]
    by_entry: dict[str, list[MetricFacts]] = {}
    for metric in build.metrics:
        by_entry.setdefault(metric.entry or metric.name, []).append(metric)
    return [metric for name in dict.fromkeys(wanted) for metric in by_entry.get(name, ())]


def _checked(written: Objective, build: DryBuild, others: Sequence[DryBuild], catalog: Catalog) -> MetricKey:
    """The objective's metric; `SpecError` or `ConfigFault` unless all trials have it."""
    objective = written.completed(build.metrics)
    key, goals = objective.measured, {each.name: each.goal for each in _ranking(build)}
    got = key if "metric" in written.model_fields_set else f"{key}, the default"
    if key.part not in PARTS or key.name not in goals:
        raise SpecError([Problem("/objective/metric", _unmeasurable(objective.metric, build, catalog))])
    if objective.goal != goals[key.name]:
        detail = f"the goal of {key} is to {goals[key.name]} it, got {objective.goal}"
        raise SpecError([Problem("/objective", f"{detail}; goal can be left out")])
    default = build.metrics[0].name
    if any(other.metrics[0].name != default for other in others) and key.name != LOSS.name:
        detail = "must be val/loss or train/loss where some data have classes and others numbers"
        raise SpecError([Problem("/objective", f"{detail}, got {got}")])
    if key.part == "val" and not build.images.get("val"):
        other = MetricKey("train", key.name)
        raise ConfigFault("data.validation", f"must be above 0 to rank by {key}, got 0; or rank by {other}")
    return key


def _unmeasurable(metric: str, build: DryBuild, catalog: Catalog) -> str:
    """What to write instead of a metric that the data do not have, and why they do not."""
    names, name = sorted(each.name for each in _ranking(build)), MetricKey.parse(metric).name
    parts = " or ".join(f"{part}/" for part in PARTS)
    detail = f"must be {parts} followed by one of {', '.join(names)} with these data, got {metric!r}"
    unranked = (each.unranked for each in build.metrics if name in (each.name, each.entry or each.name))
    if reason := next(unranked, ""):
        return f"{detail}: {name} cannot rank trials, because {reason}. train.metrics has it measured"
    if why := build.misfits.get(name):
        return f"{detail}: {why}"
    if found := catalog.elsewhere(name):
        return f"{detail}. {found}"
    return detail + "." + nearest(metric, [str(MetricKey(part, name)) for part in PARTS for name in names])


def _ranking(build: DryBuild) -> list[MetricFacts]:
    """The metrics by which trials can be ranked."""
    return [each for each in (*build.metrics, LOSS) if not each.unranked]
