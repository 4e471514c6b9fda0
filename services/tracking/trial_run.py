"""What a trial's run shows: pure functions of the trial, its reports and its latest attempt."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import math
from collections.abc import Callable, Sequence

from services import escaping
from services.domain.json_numbers import decode
from services.domain.plan.plan import Plan
from services.domain.plan.point_label import short_names
from services.domain.plan.value_text import value_text
from services.domain.spec.objective import MetricFacts, MetricKey, Objective
from services.domain.states import TRIAL_FINAL, TrialState
from services.figures.best_weights import BestWeights
from services.figures.confusion_matrix import confusion_matrix
from services.figures.first_layer import first_layer
from services.store.models import Pack, Report, Trial
from services.tracking import names
from services.tracking.artifacts import Content, Makers
from services.tracking.links import POINT_ENDED_TAG, error_metric, ranking_metric
from services.tracking.mlflow_server import ROLE_TAG
from services.tracking.run_change import MetricPoint, TrainingData

ID_TAG = "trial.id"
TRIAL_RUN_STATUS = {
    TrialState.PENDING: "SCHEDULED",
    TrialState.QUEUED: "SCHEDULED",
    TrialState.RUNNING: "RUNNING",
    TrialState.HELD: "SCHEDULED",
    TrialState.SUCCEEDED: "FINISHED",
    TrialState.PRUNED: "FINISHED",
    TrialState.FAILED: "FAILED",
    TrialState.CANCELLED: "KILLED",
}


def name(trial: Trial, plan: Plan) -> str:
    """Name the run: `t007 s1 nesterov, lr 0.1`, or `fork of 3f81c09a2e-0007, lr 0.01`."""
    if plan.fork:
        changed = (f"{path.rpartition('.')[2]} {value_text(v)}" for path, v in plan.fork.changed.items())
        return ", ".join([f"fork of {plan.fork.trial}", *changed])[: names.MAX_RUN_NAME_CHARS]
    return names.run(trial.number, trial.replicate, trial.values, plan)


def identity(trial: Trial, plan: Plan, parent: str) -> dict[str, str]:
    """Make the tags that identify the run; they are set when it is created."""
    class_names = plan.shapes[trial.shape].class_names
    fold = plan.repeats.named_fold(trial.replicate)
    return {
        "mlflow.parentRunId": parent,
        "mlflow.user": "cnnlab",
        "mlflow.source.name": "cnnlab",
        "mlflow.source.type": "JOB",
        "sweep.id": trial.sweep_id,
        **key(trial),
        "trial.number": str(trial.number),
        names.POINT_TAG: names.point(trial.point, trial.values, plan),
        "trial.replicate": str(trial.replicate),
        **({} if fold is None else {"trial.fold": str(fold)}),
        "trial.config": plan.labels.label(trial.values),
        **({"data.class_names": names.numbered(class_names)} if class_names else {}),
        **({"trial.reused_from": trial.reused_from} if trial.reused_from else {}),
        **_fork(trial, plan),
    }


def _fork(trial: Trial, plan: Plan) -> dict[str, str]:
    """Make the tag that names the trial whose weights a fork begins with, and the note that says so."""
    if trial.forked_from is None or plan.fork is None:
        return {}
    changed = ", ".join(f"{path} {value_text(value)}" for path, value in plan.fork.changed.items())
    how = f"with {changed}" if changed else "with the same values"
    sentence = f"Goes on from trial {trial.forked_from} after its epoch {trial.start_epoch}, {how}."
    return {
        "forked.from": f"{trial.forked_from} epoch {trial.start_epoch}",
        "mlflow.note.content": escaping.markdown(sentence),
    }


def key(trial: Trial) -> dict[str, str]:
    """Make the tags that no other run has."""
    return {ID_TAG: trial.id, ROLE_TAG: "trial"}


def key_of_all(sweep_id: str) -> dict[str, str]:
    """Make the tags that the runs of a sweep's trials have, and no other."""
    return {"sweep.id": sweep_id, ROLE_TAG: "trial"}


def tags(trial: Trial, pack: Pack | None) -> dict[str, str]:
    """Make the tags with the trial's state and the worker that trains it."""
    found = {"trial.state": trial.state, "trial.attempt": str(trial.attempts)}
    if pack:
        found |= {
            "worker": pack.worker or "",
            "device": pack.device or "",
            "pack.id": pack.id,
            "pack.width": str(pack.width),
        }
        if pack.machine:
            found["device.name"] = str(pack.machine.get("kind", ""))
            found["machine"] = json.dumps(pack.machine, sort_keys=True)
        if pack.engine:
            found["engine"] = json.dumps(pack.engine, sort_keys=True)
    if trial.failure:
        found["failure.kind"] = str(trial.failure.get("kind", ""))
        found["failure.message"] = str(trial.failure.get("message", ""))
    if trial.stopped:
        found["stopped.rule"] = str(trial.stopped.get("rule", ""))
        found["stopped.reason"] = str(trial.stopped.get("reason", ""))
    return found


def params(trial: Trial, plan: Plan) -> dict[str, str]:
    """Make the params: the config by dotted path, and the axes by the names of the user and of charts."""
    found = names.flatten(plan.config_of(trial))
    found |= {"trial.seed": str(trial.seed), "trial.replicate": str(trial.replicate)}
    texts = {cell.path: cell.text for cell in plan.labels.cells(trial.values)}
    short = short_names(plan.axes)
    for axis in plan.axes:
        if axis.path not in trial.values:
            continue
        value = trial.values[axis.path]
        shown = names.param(value, axis, texts.get(axis.path) or value_text(value))
        found |= {axis.name: shown, short[axis.path]: shown}
        log = names.log10(names.as_written(value, axis), axis)
        if log is not None:
            found[names.log10_param(short[axis.path])] = log
    return found


def data_set(trial: Trial, plan: Plan) -> TrainingData:
    """Describe what the trial was trained on.

    The digest is that of the content if the config has one, else that of the config's section `data`.
    """
    section = plan.config_of(trial)["data"]
    text = json.dumps(section, sort_keys=True)
    digest = str(section.get("digest") or hashlib.sha256(text.encode()).hexdigest())[:16]
    return TrainingData(str(section["name"]), digest, text)


def point_tag(ended: bool) -> dict[str, str]:
    """Make the tag by which the view of means finds runs whose point's trials have all ended."""
    return {POINT_ENDED_TAG: str(ended).lower()}


def points(
    curve: Sequence[Report], objective: Objective, measured: Sequence[MetricFacts], after: int
) -> list[MetricPoint]:
    """Make the metrics of the epochs beyond `after`, with the time of their first report, to six digits.

    The ranking metric and the errors in percent, if it has such, get a point at each epoch that counts: each
    that is the best so far, or with `at: last` every one. `best/epoch` stands beside the best. They depend on
    the curve alone: mirroring again gives the same points.
    """
    found = []
    best = math.inf
    for report in curve:
        metrics = decode(report.metrics)
        value = metrics.get(objective.metric)
        rank = objective.key(value)
        better = math.isfinite(rank) and rank < best
        best = min(best, rank)
        if better and objective.at == "best":
            metrics["best/epoch"] = float(report.epoch)
        if better or (objective.at == "last" and value is not None):
            metrics |= _ranking(objective, measured, value)
        if report.epoch > after:
            found += [MetricPoint(key, _rounded(v), report.at, report.epoch) for key, v in metrics.items()]
    return found


def standing(
    trial: Trial,
    curve: Sequence[Report],
    pack: Pack | None,
    objective: Objective,
    measured: Sequence[MetricFacts],
) -> list[MetricPoint]:
    """Make the ranking metric anew where the trial's state decides on it: NaN, which MLflow sorts last, once
    it has failed, and its value again when it trains or has ended after that.
    """
    failed = trial.state == TrialState.FAILED
    at = trial.finished_at or (pack.leased_at if pack and trial.state == TrialState.RUNNING else None)
    if not curve or at is None or (not failed and trial.attempts < 2):
        return []
    value = math.nan if failed else trial.best_value if objective.at == "best" else trial.last_value
    shown = {} if value is None else _ranking(objective, measured, value)
    return [MetricPoint(key, _rounded(v), at, curve[-1].epoch) for key, v in shown.items()]


def closing(trial: Trial, curve: Sequence[Report], measured: Sequence[MetricFacts]) -> list[MetricPoint]:
    """Make `gap/<metric>` of each accuracy, once, at the end: how far training is ahead at the best epoch."""
    best = next((report for report in curve if report.epoch == trial.best_epoch), None)
    if best is None or trial.state not in TRIAL_FINAL:
        return []
    metrics = decode(best.metrics)
    found = []
    for metric in measured:
        train, val = (metrics.get(str(MetricKey(part, metric.name))) for part in ("train", "val"))
        if metric.error and train is not None and val is not None:
            found.append(MetricPoint(f"gap/{metric.name}", _rounded(train - val), best.at, best.epoch))
    return found


def files(trial: Trial, plan: Plan, curve: Sequence[Report]) -> Makers:
    """The artifacts of a trial's run, besides its weights."""
    found: dict[str, Callable[[], Content | None]] = {
        "config.json": lambda: json.dumps(plan.config_of(trial), indent=2) + "\n"
    }
    return found | {"curves.csv": lambda: _table(curve)} if curve else found


def figures(trial: Trial, plan: Plan, weights: BestWeights) -> Makers:
    """The figures of a trial's best weights, as artifacts of the sweep's run: `figures/t007/…`."""
    title, folder = name(trial, plan), f"figures/t{trial.number:03d}"
    found: dict[str, Callable[[], Content | None]] = {}
    part, confusion, first, image = weights.part, weights.confusion, weights.first, weights.image
    if confusion and part:
        classes = weights.class_names
        found[f"{folder}/confusion.svg"] = lambda: confusion_matrix(title, part, confusion, classes)
    if first is not None and image:
        found[f"{folder}/first_layer.svg"] = lambda: first_layer(title, first, image)
    return found


def _ranking(objective: Objective, measured: Sequence[MetricFacts], value: float | None) -> dict[str, float]:
    """The metrics that rank a run and that the bars show."""
    own = math.nan if value is None else value
    error = error_metric(objective, measured)
    return {ranking_metric(objective): own} | ({error: 100 * (1 - own)} if error else {})


def _rounded(value: float) -> float:
    """Six significant digits. An infinity becomes NaN: MLflow would store 1.8e308 and ruin the chart."""
    return float(f"{value:.6g}") if math.isfinite(value) else math.nan


def _table(curve: Sequence[Report]) -> str:
    columns = sorted({key for report in curve for key in report.metrics})
    out = io.StringIO()
    table = csv.writer(out, lineterminator="\n")
    table.writerow(["epoch", "at", *map(escaping.cell, columns)])
    for report in curve:
        table.writerow([report.epoch, report.at, *(report.metrics.get(key, "") for key in columns)])
    return out.getvalue()
