"""Register a sweep's best trial in MLflow's registry of models, under a name of the user's."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter
from pydantic import Field, field_validator

from services.api.deps import Services, ServicesDep
from services.api.known_fields import KnownFields
from services.api.views.model_version import ModelVersionView
from services.domain.errors import ParameterError, StateForbids
from services.store import leaderboard, sweeps, trials
from services.store.models import Sweep, Trial
from services.store.session import Session
from services.tracking import logged_model
from services.tracking.artifacts import LEFT_OUT_TAG
from services.tracking.mlflow_server import Gone, Rejected, Server, TrackingDown
from services.tracking.model_server import LoggedModel, ModelServer

router = APIRouter(tags=["sweeps"])
NAME, MAX_NAME_CHARS = r"^[A-Za-z0-9][A-Za-z0-9 ._-]*$", 100
ALIAS, MAX_ALIAS_CHARS = r"^[A-Za-z][A-Za-z0-9_-]*$", 100


class RegisterBody(KnownFields):
    """The name of a registered model, and an alias that is to lead to the new version."""

    name: Annotated[str, Field(pattern=NAME, max_length=MAX_NAME_CHARS, examples=["clothing"])]
    alias: Annotated[str | None, Field(pattern=ALIAS, max_length=MAX_ALIAS_CHARS, examples=["champion"])] = (
        None
    )

    @field_validator("alias")
    @classmethod
    def _free(cls, alias: str | None) -> str | None:
        """Refuse what MLflow reads as a version."""
        if alias is not None and (alias == "latest" or (alias[:1] == "v" and alias[1:].isdigit())):
            raise ValueError(f"{alias!r} is a version to MLflow; choose a word such as champion")
        return alias


@router.post("/sweeps/{sweep_id}/register", summary="Register the best trial as a model in MLflow")
def register(sweep_id: str, body: RegisterBody, services: ServicesDep) -> ModelVersionView:
    """Make the model of a sweep's best trial a version of a name; asked again, it is the same version."""
    if not services.settings.mlflow_url:
        raise StateForbids("there is no MLflow to register models in: CNNLAB_MLFLOW_URL is not set")
    sweep, trial = services.store.read(lambda session: _winner(session, sweep_id))
    server = Server(services.settings.mlflow_url)
    models = ModelServer(server)
    try:
        model = _ready(models, server, sweep, trial)
        version = models.register(model, body.name, f"Trial {trial.id} of sweep {sweep.name}")
        if body.alias:
            models.set_alias(body.name, version, body.alias)
    except (Rejected, Gone) as error:
        raise ParameterError(f"MLflow refuses it: {error}") from None
    except TrackingDown as error:
        raise StateForbids(f"MLflow cannot register it now: {error}") from None
    chosen = f"@{body.alias}" if body.alias else f"/{version}"
    return ModelVersionView(
        sweep=sweep_id,
        trial=trial.id,
        name=body.name,
        version=version,
        alias=body.alias,
        uri=f"models:/{body.name}{chosen}",
        link=_link(services, body.name, version),
    )


def _winner(session: Session, sweep_id: str) -> tuple[Sweep, Trial]:
    sweep = sweeps.get(session, sweep_id)
    winner = leaderboard.winner(session, sweep_id, sweep.spec.objective)
    if winner is None:
        raise StateForbids(
            f"sweep {sweep_id} has no best trial: it is {sweep.state}, and none of its trials has reported "
            f"a finite {sweep.spec.objective.metric}"
        )
    return sweep, trials.get(session, winner)


def _ready(models: ModelServer, server: Server, sweep: Sweep, trial: Trial) -> LoggedModel:
    """The model of the trial, once MLflow has all of its files."""
    if sweep.mirror.experiment_id:
        model = models.find(sweep.mirror.experiment_id, logged_model.key(trial.id))
        if model and model.ready:
            return model
    why = "it gets there once the sweep has ended and MLflow has all of it"
    if trial.mirror.run_id:
        reason = server.run(trial.mirror.run_id).tags.get(LEFT_OUT_TAG, "")
        why = f"it was left out: {reason}" if "model: " in reason else why
    raise StateForbids(f"the model of trial {trial.id}, the best of its sweep, is not in MLflow: {why}")


def _link(services: Services, name: str, version: str) -> str | None:
    """The page of a version."""
    base = services.settings.link_to_mlflow()
    return f"{base.rstrip('/')}/#/models/{quote(name)}/versions/{version}" if base else None
