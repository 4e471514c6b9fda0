"""What a sweep's run and its experiment show: pure functions of the sweep's status."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from services import escaping
from services.domain.spec.axis_forms import Conditional
from services.domain.spec.spec import Spec
from services.domain.states import TRIAL_GOOD, SweepState, TrialState
from services.settings import Settings
from services.store.models import Sweep
from services.tracking import links, names, note
from services.tracking.artifacts import Makers
from services.tracking.mlflow_server import ROLE_TAG
from services.tracking.ranked_sweep import RankedSweep
from services.tracking.run_change import MetricPoint

MAX_EXPERIMENT_CHARS = 250  # the server's database has room for 256
SWEEP_RUN_STATUS = {
    SweepState.SUCCEEDED: "FINISHED",
    SweepState.PARTIAL: "FINISHED",
    SweepState.FAILED: "FAILED",
    SweepState.CANCELLED: "KILLED",
}


def experiment(sweep: Sweep) -> str:
    """Name the experiment: sweeps of one project and name share it, and so do copies of their trials.

    The first slash ends the project, whose own are written %2F, and % as %25: so `a/b` of the project `c` and
    `b` of `c/a` are not one. A name that MLflow's database has no room for ends in a digest.
    """
    project = sweep.project.replace("%", "%25").replace("/", "%2F")
    name = f"{project}/{_name(sweep)}"
    if len(name) <= MAX_EXPERIMENT_CHARS:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:16]
    return f"{name[: MAX_EXPERIMENT_CHARS - 17]}…{digest}"


def _name(sweep: Sweep) -> str:
    origin = sweep.plan.origin
    return origin.name if origin else sweep.name


def experiment_tags(sweep: Sweep, spec: Spec) -> dict[str, str]:
    """Make the tags of the experiment, its note among them."""
    name = escaping.markdown(_name(sweep))
    project = escaping.markdown(spec.project)
    return {
        "mlflow.experimentKind": "custom_model_development",
        "mlflow.experiment.primaryMetric.name": links.ranking_metric(spec.objective),
        "mlflow.experiment.primaryMetric.greaterIsBetter": str(spec.objective.goal == "maximize").lower(),
        "mlflow.note.content": (
            f"Sweeps **{name}** of **{project}**: one run each, with its trials below it (tag "
            "`sweep.id`). Written from the service's database; changes made here have no effect there."
        ),
    }


def identity(sweep: Sweep) -> dict[str, str]:
    """Make the tags that identify the run; they are set when it is created."""
    return {
        "mlflow.user": "cnnlab",
        "mlflow.source.name": "cnnlab",
        "mlflow.source.type": "JOB",
        **({"sweep.extends": sweep.extends} if sweep.extends else {}),
        **key(sweep),
    }


def key(sweep: Sweep) -> dict[str, str]:
    """Make the tags that no other run has."""
    return {"sweep.id": sweep.id, ROLE_TAG: "sweep"}


def params(spec: Spec) -> dict[str, str]:
    """Make the params: the space, axis by axis, as the user wrote it."""
    return {f"space.{name}": names.text(_written(given)) for name, given in spec.space.items()}


def tags(ranked: RankedSweep, settings: Settings, experiment_id: str) -> dict[str, str]:
    """Make the tags with the sweep's state, and the note with its leaderboard."""
    objective = ranked.objective
    return {
        "sweep.state": ranked.sweep.state,
        "sweep.objective": f"{objective.goal} {objective.metric} ({objective.at})",
        "sweep.url": note.address(settings, ranked.sweep.id),
        **({"sweep.price": ranked.price.words} if ranked.price else {}),
        "mlflow.note.content": note.note(ranked, settings, experiment_id),
    }


def points(ranked: RankedSweep) -> list[MetricPoint]:
    """Make `sweep/best`, `sweep/done` and `sweep/failed`, at the time when the last trial ended."""
    done = sum(ranked.counts.get(state, 0) for state in TRIAL_GOOD)
    failed = ranked.counts.get(TrialState.FAILED, 0)
    at = ranked.last_finish
    if at is None or not done + failed:
        return []
    step = done + failed
    found = [MetricPoint("sweep/done", done, at, step), MetricPoint("sweep/failed", failed, at, step)]
    if ranked.best is not None and ranked.best.value is not None:
        found.append(MetricPoint("sweep/best", float(f"{ranked.best.value:.6g}"), at, step))
    return found


def files(sweep: Sweep) -> Makers:
    """The file with the spec as submitted."""
    return {"spec.json": lambda: json.dumps(sweep.spec.model_dump(mode="json"), indent=2) + "\n"}


def bookmark(sweep: Sweep, shown: object, settings: Settings) -> str:
    """Make a bookmark of at most 64 characters: the state, digests of what the run shows and of its links."""
    digest = hashlib.sha256(repr(shown).encode()).hexdigest()[:40]
    return f"{sweep.state}:{digest}:{addresses(settings)}"


def addresses(settings: Settings) -> str:
    """Digest the addresses in links: when it changes, notes are out of date."""
    text = f"{settings.public_url} {settings.link_to_mlflow()}"
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def _written(given: Any) -> Any:
    return given.model_dump(mode="json", exclude_defaults=True) if isinstance(given, Conditional) else given
