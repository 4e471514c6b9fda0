"""The only module that calls MLflow's server: short time-outs, no retries, three kinds of failure."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from services.addresses import without_passwords
from services.domain.errors import ServiceError

REQUEST_SECONDS = 5  # that one request may take
MAX_PER_REQUEST = {"metrics": 1000, "params": 100, "tags": 100}  # the server's limits
MAX_PARAM_CHARS, MAX_TAG_CHARS = 6000, 5000  # the server's own limits are 6,000 and 8,000
MAX_UPLOAD_BYTES = 50_000_000  # larger files are not sent through a tracking server
RUNS_PER_PAGE = 250  # of a search: the server writes each run with all that it shows

ROLE_TAG, REPLACED = "sweep.role", "replaced"


class TrackingDown(ServiceError):
    """MLflow could not be reached or did not answer; try again later."""


class Gone(ServiceError):
    """MLflow does not know the run: it was purged, or the server lost its data."""


class Rejected(ServiceError):
    """MLflow refused the request: the run is deleted, or a value is not allowed."""


@dataclass(frozen=True)
class MetricPoint:
    """One value of a metric; `at` in ms. MLflow keeps equal points once, so `at` must never change."""

    name: str
    value: float
    at: int
    step: int


@dataclass(frozen=True)
class TrainingData:
    """What a run was trained on; `source` is JSON."""

    name: str
    digest: str
    source: str


@dataclass(frozen=True)
class MlflowRun:
    """A run as MLflow has it."""

    run_id: str
    experiment_id: str
    deleted: bool
    artifacts: str  # where its files are, as a URI
    status: str
    tags: Mapping[str, str] = field(default_factory=dict, repr=False)

    def beside(self, run_id: str) -> MlflowRun:
        """Another run of the experiment: the place of a run's files differs by its id alone."""
        return replace(self, run_id=run_id, artifacts=self.artifacts.replace(self.run_id, run_id))


class Server:
    """An MLflow server at an address."""

    def __init__(self, url: str) -> None:
        self._url = url

    @cached_property
    def _client(self) -> Any:
        """MLflow's client, imported when it is first needed, because the import takes two seconds."""
        os.environ["MLFLOW_HTTP_REQUEST_TIMEOUT"] = str(REQUEST_SECONDS)
        os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] = "0"
        os.environ["MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR"] = "false"
        os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
        os.environ["MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT"] = "true"
        from mlflow import MlflowClient

        return MlflowClient(tracking_uri=self._url)

    def answers(self) -> bool:
        """Whether the server answers a request that needs its database."""
        try:
            with _failures():
                self._client.search_experiments(max_results=1)
        except TrackingDown:
            return False
        return True

    # ---- experiments

    def experiment(self, name: str, tags: Mapping[str, str]) -> str:
        """Find or create an experiment; a deleted one is restored, because a new sweep needs it.

        Its old runs are restored with it, except those that were replaced.
        """
        with _failures():
            found = self._client.get_experiment_by_name(name) or self._create_experiment(name)
            experiment_id = str(found.experiment_id)
            if found.lifecycle_stage == "deleted":
                self._client.restore_experiment(experiment_id)
                for run in self.runs(experiment_id, {ROLE_TAG: REPLACED}):
                    self._client.delete_run(run.run_id)
        self.tag_experiment(
            experiment_id, {key: value for key, value in tags.items() if found.tags.get(key) != value}
        )
        return experiment_id

    def tag_experiment(self, experiment_id: str, tags: Mapping[str, str]) -> None:
        """Set tags of an experiment."""
        with _failures():
            for key, value in tags.items():
                self._client.set_experiment_tag(experiment_id, key, value)

    def _create_experiment(self, name: str) -> Any:
        from mlflow.exceptions import MlflowException

        try:
            return self._client.get_experiment(self._client.create_experiment(name))
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
            return self._client.get_experiment_by_name(name)

    # ---- runs

    def run(self, run_id: str) -> MlflowRun:
        """Fetch a run; raises `Gone` if there is none."""
        with _failures():
            return _found(self._client.get_run(run_id))

    def runs(self, experiment_id: str, tags: Mapping[str, str]) -> list[MlflowRun]:
        """Find the runs with these tags, deleted ones included, oldest first."""
        from mlflow.entities import ViewType

        text = " AND ".join(f"tags.`{key}` = '{value}'" for key, value in tags.items())
        order = ["attributes.start_time ASC", "attributes.run_id ASC"]
        with _failures():
            search = partial(
                self._client.search_runs, [experiment_id], text, ViewType.ALL, RUNS_PER_PAGE, order
            )
            page = search()
            found = list(page)
            while page.token:
                page = search(page.token)
                found += page
        return [_found(run) for run in found]

    def create_run(self, experiment_id: str, name: str, start: int, tags: Mapping[str, str]) -> MlflowRun:
        """Create a run."""
        with _failures():
            run = self._client.create_run(experiment_id, start_time=start, tags=_cut(tags), run_name=name)
        return _found(run)

    def set_status(self, run_id: str, status: str, end: int | None) -> None:
        """Set a run's status: RUNNING or SCHEDULED, or how it ended: FINISHED, FAILED or KILLED."""
        with _failures():
            if end is None:
                self._client.update_run(run_id, status=status)
            else:
                self._client.set_terminated(run_id, status=status, end_time=end)

    def retire(self, run_id: str) -> None:
        """Delete a run that another one replaces; a tag says so, since it was not deleted by a user."""
        with _failures():
            self._client.set_tag(run_id, ROLE_TAG, REPLACED)
            self._client.delete_run(run_id)

    def log(
        self,
        run_id: str,
        points: Sequence[MetricPoint] = (),
        params: Mapping[str, str] | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> None:
        """Write metrics, params and tags in as few requests as the server's limits allow."""
        from mlflow.entities import Metric, Param, RunTag

        metrics = [Metric(point.name, point.value, point.at, point.step) for point in points]
        texts = [Param(key, _shorten(value, MAX_PARAM_CHARS)) for key, value in (params or {}).items()]
        labels = [RunTag(key, value) for key, value in _cut(tags or {}).items()]
        with _failures():
            while metrics or texts or labels:
                self._client.log_batch(
                    run_id,
                    metrics[: MAX_PER_REQUEST["metrics"]],
                    texts[: MAX_PER_REQUEST["params"]],
                    labels[: MAX_PER_REQUEST["tags"]],
                    synchronous=True,
                )
                metrics, texts = metrics[MAX_PER_REQUEST["metrics"] :], texts[MAX_PER_REQUEST["params"] :]
                labels = labels[MAX_PER_REQUEST["tags"] :]

    def log_data(self, run_id: str, data: TrainingData) -> None:
        """Record the data set that a run was trained on; MLflow keeps equal ones once."""
        from mlflow.entities import Dataset, DatasetInput, InputTag

        dataset = Dataset(data.name, data.digest, source_type="cnnlab", source=data.source)
        with _failures():
            self._client.log_inputs(
                run_id, datasets=[DatasetInput(dataset, [InputTag("mlflow.data.context", "training")])]
            )

    def upload(self, run: MlflowRun, files: Mapping[str, str | bytes]) -> None:
        """Upload artifacts, given as text or bytes by their path within the run."""
        with tempfile.TemporaryDirectory(prefix="cnnlab-artifacts-") as folder, _failures():
            for name, content in files.items():
                path = Path(folder, name)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content.encode() if isinstance(content, str) else content)
            self._files(run).log_artifacts(folder)

    def upload_file(self, run: MlflowRun, path: Path, folder: str) -> None:
        """Upload one file as an artifact."""
        with _failures():
            self._files(run).log_artifact(str(path), folder)

    def _files(self, run: MlflowRun) -> Any:
        """The door to a run's files; the client's own asks for the run first."""
        from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

        return get_artifact_repository(run.artifacts, tracking_uri=self._url)


def _found(run: Any) -> MlflowRun:
    info = run.info
    deleted = info.lifecycle_stage == "deleted"
    return MlflowRun(
        info.run_id, info.experiment_id, deleted, info.artifact_uri, info.status, dict(run.data.tags)
    )


def _cut(tags: Mapping[str, str]) -> dict[str, str]:
    return {key: _shorten(value, MAX_TAG_CHARS) for key, value in tags.items()}


def _shorten(text: str, size: int) -> str:
    return text if len(text) <= size else text[: size - 1] + "…"


@contextmanager
def _failures() -> Iterator[None]:
    """Turn MLflow's exceptions into `Gone`, `Rejected` or `TrackingDown`."""
    from mlflow.exceptions import MlflowException
    from requests import RequestException

    try:
        yield
    except MlflowException as error:
        message = without_passwords(error.message)
        if error.error_code == "RESOURCE_DOES_NOT_EXIST":
            raise Gone(message) from error
        if error.error_code in ("INVALID_PARAMETER_VALUE", "BAD_REQUEST"):
            raise Rejected(message) from error
        raise TrackingDown(message) from error
    except RequestException as error:
        raise TrackingDown(without_passwords(str(error))) from error
