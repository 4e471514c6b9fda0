"""Logged models and the registry of an MLflow server, by its REST API."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from services.tracking import files_together
from services.tracking.mlflow_server import Gone, MlflowRun, Server
from services.tracking.run_change import MetricPoint

READY = "LOGGED_MODEL_READY"


@dataclass(frozen=True)
class LoggedModel:
    """A model as MLflow has it; `artifacts` is where its files are, as a URI."""

    model_id: str
    artifacts: str
    status: str
    run_id: str

    @property
    def ready(self) -> bool:
        """Whether all of its files are there."""
        return self.status == READY


class ModelServer:
    """The models of an MLflow server."""

    def __init__(self, server: Server) -> None:
        self._server = server

    # ---- logged models

    def find(self, experiment_id: str, tags: Mapping[str, str]) -> LoggedModel | None:
        """The newest model with these tags, one that is ready before others."""
        found = self._search(experiment_id, tags)
        return next((each for each in found if each.ready), found[0] if found else None)

    def _search(self, experiment_id: str, tags: Mapping[str, str]) -> list[LoggedModel]:
        said = self._server.request(
            "POST",
            "logged-models/search",
            experiment_ids=[experiment_id],
            filter=" AND ".join(f"tags.`{key}` = '{value}'" for key, value in tags.items()),
        )
        return [_model(each) for each in said.get("models", ())]

    def create(
        self,
        run: MlflowRun,
        name: str,
        tags: Mapping[str, str],
        params: Mapping[str, str],
    ) -> LoggedModel:
        """Make a model of a run, without files yet."""
        said = self._server.request(
            "POST",
            "logged-models",
            experiment_id=run.experiment_id,
            name=name,
            source_run_id=run.run_id,
            tags=[{"key": key, "value": value} for key, value in tags.items()],
            params=[{"key": key, "value": value} for key, value in params.items()],
        )
        return _model(said["model"])

    def upload(self, run: MlflowRun, model: LoggedModel, files: Mapping[str, str | bytes]) -> None:
        """Upload files of a model."""
        of_model = replace(run, artifacts=model.artifacts)
        if not files_together.send(self._server, of_model, files):
            self._server.upload(of_model, files)

    def finish(self, run: MlflowRun, model: LoggedModel, point: MetricPoint) -> None:
        """Say that all files are there, what the model reaches, and that it is what the run gave."""
        path = f"logged-models/{model.model_id}"
        self._server.request("PATCH", path, model_id=model.model_id, status=READY)
        metric = {**point.as_json(), "model_id": model.model_id}
        self._server.request("POST", "runs/log-batch", run_id=run.run_id, metrics=[metric])
        output = {"model_id": model.model_id, "step": point.step}
        self._server.request("POST", "runs/outputs", run_id=run.run_id, models=[output])

    def delete_unregistered(self, experiment_id: str, tags: Mapping[str, str]) -> None:
        """Delete the models with these tags, with their files; those that somebody has registered stay."""
        kept: set[str] = set()
        while found := [each for each in self._search(experiment_id, tags) if each.model_id not in kept]:
            for model in found:
                if self._is_registered(model):
                    kept.add(model.model_id)
                    continue
                self._server.delete_files(model.artifacts)
                self._server.request("DELETE", f"logged-models/{model.model_id}")

    def _is_registered(self, model: LoggedModel) -> bool:
        said = self._server.request("GET", "model-versions/search", filter=f"run_id='{model.run_id}'")
        return any(
            each.get("source") == f"models:/{model.model_id}" for each in said.get("model_versions", ())
        )

    # ---- the registry

    def register(self, model: LoggedModel, name: str, description: str) -> str:
        """Make a model a version of a name; returns the version, the same one if it is one already."""
        source = f"models:/{model.model_id}"
        try:
            self._server.request("GET", "registered-models/get", name=name)
        except Gone:
            self._server.request("POST", "registered-models/create", name=name)
        versions = self._server.request("GET", "model-versions/search", filter=f"name='{name}'")
        for each in versions.get("model_versions", ()):
            if each.get("source") == source:
                return str(each["version"])
        made = self._server.request(
            "POST",
            "model-versions/create",
            name=name,
            source=source,
            model_id=model.model_id,
            run_id=model.run_id,
            description=description,
        )
        return str(made["model_version"]["version"])

    def set_alias(self, name: str, version: str, alias: str) -> None:
        """Let an alias of a name lead to a version, and to no other any more."""
        self._server.request("POST", "registered-models/alias", name=name, alias=alias, version=version)


def _model(said: Mapping[str, Mapping[str, str]]) -> LoggedModel:
    info = said["info"]
    status = str(info.get("status", ""))
    return LoggedModel(info["model_id"], info["artifact_uri"], status, info.get("source_run_id", ""))
