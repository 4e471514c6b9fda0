"""What a trial's run shows: pure functions of the trial, its reports and its latest attempt."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import math
from collections.abc import Sequence

from services import escaping
from services.domain.json_numbers import decode
from services.domain.plan.plan import Plan
from services.domain.plan.value_text import value_text
from services.domain.spec.objective import MetricFacts, MetricKey, Objective
from services.domain.states import TRIAL_FINAL, TrialState
from services.store.models import Pack, Report, Trial
from services.tracking import names
from services.tracking.best_weights import BestWeights
from services.tracking.figures.confusion_matrix import confusion_matrix
from services.tracking.figures.first_layer import first_layer
from services.tracking.figures.learning_curve import learning_curve
from services.tracking.links import error_metric, ranking_metric
from services.tracking.mlflow_server import ROLE_TAG, MetricPoint, TrainingData

TRIAL_RUN_STATUS = {
    TrialState.PENDING: "SCHEDULED",
    TrialState.QUEUED: "SCHEDULED",
    TrialState.RUNNING: "RUNNING",
    TrialState.SUCCEEDED: "FINISHED",
    TrialState.PRUNED: "FINISHED",
    TrialState.FAILED: "FAILED",
    TrialState.CANCELLED: "KILLED",
}


def name(trial: Trial, plan: Plan) -> str:
    """Name the run: `t007 s1 nesterov, lr 0.1`."""
    return names.run(trial.number, trial.replicate, trial.values, plan)


def identity(trial: Trial, plan: Plan, parent: str) -> dict[str, str]:
    """Make the tags that identify the run; they are set when it is created."""
    return {
        "mlflow.parentRunId": parent,
        "mlflow.user": "cnnlab",
        "mlflow.source.name": "cnnlab",
        "mlflow.source.type": "JOB",
        "sweep.id": trial.sweep_id,
        **key(trial),
        "trial.number": str(trial.number),
        names.POINT_TAG: names.point(trial.point, plan),
        "trial.replicate": str(trial.replicate),
        "trial.config": plan.labels.label(trial.values),
    }


def key(trial: Trial) -> dict[str, str]:
    """Make the tags that no other run has."""
    return {"trial.id": trial.id, ROLE_TAG: "trial"}


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
            found["machine"] = json.dumps(pack.machine, sort_keys=True)
    if trial.failure:
        found["failure.kind"] = str(trial.failure.get("kind", ""))
        found["failure.message"] = str(trial.failure.get("message", ""))
    return found


def params(trial: Trial, plan: Plan) -> dict[str, str]:
    """Make the params: the whole config by dotted path, and the axes by the user's names."""
    found = names.flatten(plan.config_of(trial))
    found |= {"trial.seed": str(trial.seed), "trial.replicate": str(trial.replicate)}
    texts = {cell.path: cell.text for cell in plan.labels.cells(trial.values)}
    for axis in plan.axes:
        if axis.path not in trial.values:
            continue
        value = trial.values[axis.path]
        found[axis.name] = names.param(value, axis, texts.get(axis.path) or value_text(value))
        log = names.log10(names.as_written(value, axis), axis)
        if log is not None:
            found[f"log10.{axis.name}"] = log
    return found


def data_set(trial: Trial, plan: Plan) -> TrainingData:
    """Describe what the trial was trained on.

    The digest is that of the content if the config has one, else that of the config's section `data`.
    """
    section = plan.config_of(trial)["data"]
    text = json.dumps(section, sort_keys=True)
    digest = str(section.get("digest") or hashlib.sha256(text.encode()).hexdigest())[:16]
    return TrainingData(str(section["name"]), digest, text)


def points(
    curve: Sequence[Report], objective: Objective, measured: Sequence[MetricFacts], after: int
) -> list[MetricPoint]:
    """Make the metrics of the epochs beyond `after`, with the time of their first report, to six digits.

    `best/<metric>`, `best/epoch` and, for an accuracy, the errors in percent get a point at each epoch that
    is the best so far, so that a table can be sorted while trials run; if the last epoch counts, the errors
    get one at each epoch. They depend on the curve alone: mirroring again gives the same points.
    """
    found = []
    best, error = math.inf, error_metric(objective, measured)
    for report in curve:
        metrics = decode(report.metrics)
        rank = objective.key(metrics.get(objective.metric))
        better = math.isfinite(rank) and rank < best
        if error and (better or (objective.at == "last" and math.isfinite(rank))):
            metrics[error] = 100 * (1 - metrics[objective.metric])
        if better:
            best = rank
            metrics |= {_best(objective): metrics[objective.metric], "best/epoch": float(report.epoch)}
        if report.epoch > after:
            found += [MetricPoint(key, _rounded(v), report.at, report.epoch) for key, v in metrics.items()]
    return found


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


def files(
    trial: Trial, plan: Plan, curve: Sequence[Report], weights: BestWeights | None
) -> dict[str, str | bytes]:
    """Make the artifacts of a trial that has ended, with figures of its best weights if there are any."""
    decoded = [(report.epoch, decode(report.metrics)) for report in curve]
    found: dict[str, str | bytes] = {"config.json": json.dumps(plan.config_of(trial), indent=2) + "\n"}
    if curve:
        found["curves.csv"] = _table(curve)
        metrics = plan.shapes[plan.shape_of(trial.point)].metrics
        found["figures/learning_curve.png"] = learning_curve(name(trial, plan), decoded, metrics)
    if weights:
        found |= _pictures(name(trial, plan), weights)
    return found


def _pictures(title: str, weights: BestWeights) -> dict[str, str | bytes]:
    found: dict[str, str | bytes] = {}
    if weights.confusion and weights.part:
        found["figures/confusion_matrix.png"] = confusion_matrix(title, weights.part, weights.confusion)
    if weights.first is not None and weights.image:
        kernels = first_layer(f"{title}\nfirst layer", weights.first, weights.image)
        if kernels:
            found["figures/first_layer.png"] = kernels
    return found


def _best(objective: Objective) -> str:
    return ranking_metric(objective.model_copy(update={"at": "best"}))


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
