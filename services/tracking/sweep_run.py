"""What a sweep's run and its experiment show: pure functions of the sweep and its trials, best first."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Sequence

from services.domain import links
from services.domain.plan import Plan
from services.domain.spec import Objective, Spec
from services.domain.states import SWEEP_FINAL, SweepState, TrialState
from services.domain.trial import short_value
from services.settings import Settings
from services.store.models import Sweep, Trial
from services.tracking import names
from services.tracking.server import ROLE, Point

STATUS = {
    SweepState.SUCCEEDED: "FINISHED",
    SweepState.PARTIAL: "FINISHED",
    SweepState.FAILED: "FAILED",
    SweepState.CANCELLED: "KILLED",
}
TOP = 10
SPEC_SIZE = 2000  # characters of the spec that the note quotes; spec.json has all of it


def experiment(sweep: Sweep) -> str:
    """The experiment's name: sweeps of one project and name are compared with one another."""
    return f"{sweep.project}/{sweep.name}"


def experiment_tags(spec: Spec) -> dict[str, str]:
    """What the experiment's page shows first."""
    return {
        "mlflow.experimentKind": "custom_model_development",
        "mlflow.experiment.primaryMetric.name": links.ranking_metric(spec.objective),
        "mlflow.experiment.primaryMetric.greaterIsBetter": str(spec.objective.goal == "maximize").lower(),
        "mlflow.note.content": (
            f"Sweeps named **{spec.name}** of project **{spec.project}**. Each is one run; its trials are "
            "the runs below it, filter by the tag `sweep.id`. Written from the sweep service's database, "
            "which keeps the truth: what is changed here changes nothing there."
        ),
    }


def identity(sweep: Sweep) -> dict[str, str]:
    """The tags by which the run is found again; they are set when it is created."""
    return {
        "mlflow.user": "cnnlab",
        "mlflow.source.name": "cnnlab",
        "mlflow.source.type": "JOB",
        **key(sweep),
    }


def key(sweep: Sweep) -> dict[str, str]:
    """The tags that no other run has."""
    return {"sweep.id": sweep.id, ROLE: "sweep"}


def params(spec: Spec) -> dict[str, str]:
    """The space, axis by axis."""
    return {f"space.{name}": names.text(values) for name, values in spec.space.items()}


def tags(
    sweep: Sweep,
    spec: Spec,
    best: Sequence[Trial],
    counts: dict[str, int],
    settings: Settings,
    experiment_id: str,
) -> dict[str, str]:
    """How the sweep stands, and the note with its leaderboard."""
    return {
        "sweep.state": sweep.state,
        "sweep.objective": f"{spec.objective.goal} {spec.objective.metric} ({spec.objective.at})",
        "sweep.url": _address(settings, sweep),
        "mlflow.note.content": _note(sweep, spec, best, counts, settings, experiment_id),
    }


def points(
    objective: Objective, best: Sequence[Trial], counts: dict[str, int], at: int | None
) -> list[Point]:
    """`sweep/best`, `sweep/done` and `sweep/failed` over the trials that have ended, the last one at `at`."""
    done = counts.get(TrialState.SUCCEEDED, 0) + counts.get(TrialState.PRUNED, 0)
    failed = counts.get(TrialState.FAILED, 0)
    if at is None or not done + failed:
        return []
    step = done + failed
    found = [Point("sweep/done", done, at, step), Point("sweep/failed", failed, at, step)]
    good = (TrialState.SUCCEEDED, TrialState.PRUNED)
    values = [
        value for trial in best if trial.state in good and (value := score(trial, objective)) is not None
    ]
    if values:
        found.append(Point("sweep/best", float(f"{values[0]:.6g}"), at, step))
    return found


def score(trial: Trial, objective: Objective) -> float | None:
    """The value that ranks a trial."""
    return trial.best_value if objective.at == "best" else trial.last_value


def spec_file(sweep: Sweep) -> dict[str, str | bytes]:
    """The spec as submitted."""
    return {"spec.json": json.dumps(sweep.spec, indent=2) + "\n"}


def leaderboard_file(plan: Plan, best: Sequence[Trial]) -> dict[str, str | bytes]:
    """All trials, best first, as a table."""
    out = io.StringIO()
    table = csv.writer(out, lineterminator="\n")
    paths = [axis.path for axis in plan.axes]
    table.writerow(
        ["rank", "trial", "state", *paths, "epochs", "best_epoch", "best_value", "last_value", "run"]
    )
    for rank, trial in enumerate(best, 1):
        swept = [names.text(trial.values[path]) for path in paths]
        results = [trial.epoch, trial.best_epoch, trial.best_value, trial.last_value, trial.run_id]
        table.writerow([rank, trial.id, trial.state, *swept, *results])
    return {"report/leaderboard.csv": out.getvalue()}


def bookmark(sweep: Sweep, shown: object) -> str:
    """The sweep's state and a digest of what its run shows: 64 characters at most."""
    digest = hashlib.sha256(repr(shown).encode()).hexdigest()[:40]
    return f"{sweep.state}:{digest}"


def over(sweep: Sweep) -> bool:
    """Whether the sweep has ended."""
    return sweep.state in SWEEP_FINAL


def _address(settings: Settings, sweep: Sweep) -> str:
    return f"{settings.public_url.rstrip('/')}/v1/sweeps/{sweep.id}"


def _note(
    sweep: Sweep,
    spec: Spec,
    best: Sequence[Trial],
    counts: dict[str, int],
    settings: Settings,
    experiment_id: str,
) -> str:
    mlflow = settings.link_to_mlflow() or ""
    table = links.sweep_link(mlflow, experiment_id, sweep.id, spec.objective)
    states = ", ".join(f"{count} {state}" for state, count in sorted(counts.items())) or "none drawn yet"
    quoted = json.dumps(sweep.spec, indent=1)
    if len(quoted) > SPEC_SIZE:
        quoted = quoted[:SPEC_SIZE] + "\n… (spec.json has all of it)"
    parts = [
        spec.description,
        f"**{sweep.state}** · {sweep.total} trials ({states})",
        f"[All trials, best first]({table}) · [this sweep in the API]({_address(settings, sweep)})",
        _leaderboard(spec, best, mlflow, experiment_id),
        f"```json\n{quoted}\n```",
    ]
    return "\n\n".join(part for part in parts if part)


def _leaderboard(spec: Spec, best: Sequence[Trial], mlflow: str, experiment_id: str) -> str:
    ranked = [trial for trial in best if score(trial, spec.objective) is not None][:TOP]
    if not ranked:
        return ""
    paths = list(ranked[0].values)
    rows = [
        ["", "trial", *(path.rsplit(".", 1)[-1] for path in paths), spec.objective.metric, "epoch", "state"],
        ["---"] * (len(paths) + 5),
    ]
    for rank, trial in enumerate(ranked, 1):
        link = links.trial_link(mlflow, experiment_id, trial.run_id) if trial.run_id else ""
        shown = f"[t{trial.number:03d}]({link})" if link else f"t{trial.number:03d}"
        swept = [short_value(trial.values[path]) for path in paths]
        value = f"{score(trial, spec.objective):.4f}"
        rows.append([str(rank), shown, *swept, value, f"{trial.best_epoch}", trial.state])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)
