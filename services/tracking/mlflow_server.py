"""The only module that calls MLflow's server, by its REST API: short time-outs, no retries, three failures.

MLflow's own client looks for Databricks and for files of passwords before each request, which costs more
than the request, and its import takes two seconds. Only files that do not go through the server need it.
"""

from __future__ import annotations

import logging
import mimetypes
import os
import tempfile
import weakref
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx2

from services.addresses import without_passwords
from services.domain.errors import ServiceError
from services.tracking import runs_endpoint
from services.tracking.run_change import (
    MAX_PARAM_CHARS,
    MAX_TAG_CHARS,
    MetricPoint,
    RunChange,
    TrainingData,
    cut,
)

REQUEST_SECONDS = 5  # that one request may take
MAX_PER_REQUEST = {"metrics": 800, "params": 100, "tags": 100}  # the server takes 1,000 in all
MAX_UPLOAD_BYTES = 50_000_000  # larger files are not sent through a tracking server
MAX_MESSAGE_CHARS = 200  # of an answer that is not JSON
RUNS_PER_PAGE = 250  # of a search: the server writes each run with all that it shows
API, FILES = "/api/2.0/mlflow/", "/api/2.0/mlflow-artifacts/artifacts/"
THROUGH_THE_SERVER = "mlflow-artifacts"  # the scheme of files that it takes

ROLE_TAG, REPLACED = "sweep.role", "replaced"
logging.getLogger("httpx2").setLevel(logging.WARNING)  # it logs each request


class TrackingDown(ServiceError):
    """MLflow could not be reached or did not answer; try again later."""


class Gone(ServiceError):
    """MLflow does not know the run: it was purged, or the server lost its data."""


class Rejected(ServiceError):
    """MLflow refused the request: the run is deleted, or a value is not allowed."""


FAILURES = {"RESOURCE_DOES_NOT_EXIST": Gone, "INVALID_PARAMETER_VALUE": Rejected, "BAD_REQUEST": Rejected}


@dataclass(frozen=True)
class MlflowRun:
    """A run as MLflow has it."""

    run_id: str
    experiment_id: str
    deleted: bool
    artifacts: str  # where its files are, as a URI
    status: str
    name: str = ""
    tags: Mapping[str, str] = field(default_factory=dict, repr=False)

    def beside(self, run_id: str) -> MlflowRun:
        """Another run of the experiment: the place of a run's files differs by its id alone."""
        return replace(self, run_id=run_id, artifacts=self.artifacts.replace(self.run_id, run_id))


class Server:
    """An MLflow server at an address."""

    def __init__(self, url: str) -> None:
        self._url = url
        self.takes_several = False  # runs in one request, as its latest answer says

    @cached_property
    def _http(self) -> httpx2.Client:
        """Connections that stay open; as for MLflow's own client, its variables say who asks."""
        token, user = os.environ.get("MLFLOW_TRACKING_TOKEN"), os.environ.get("MLFLOW_TRACKING_USERNAME")
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        auth = (user, os.environ.get("MLFLOW_TRACKING_PASSWORD", "")) if user else None
        client = httpx2.Client(
            base_url=self._url, timeout=REQUEST_SECONDS, follow_redirects=True, headers=headers, auth=auth
        )
        weakref.finalize(self, client.close)
        return client

    def answers(self) -> bool:
        """Whether the server answers a request that needs its database."""
        try:
            self._post("experiments/search", max_results=1)
        except TrackingDown:
            return False
        return True

    # ---- experiments

    def experiment(self, name: str, tags: Mapping[str, str]) -> str:
        """Find or create an experiment; a deleted one is restored, because a new sweep needs it.

        Its old runs are restored with it, except those that were replaced.
        """
        found = self._experiment_named(name) or self._create_experiment(name)
        experiment_id = str(found["experiment_id"])
        if found.get("lifecycle_stage") == "deleted":
            self._post("experiments/restore", experiment_id=experiment_id)
            for run in self.runs(experiment_id, {ROLE_TAG: REPLACED}):
                self._post("runs/delete", run_id=run.run_id)
        known = _pairs(found)
        self.tag_experiment(
            experiment_id, {key: value for key, value in tags.items() if known.get(key) != value}
        )
        return experiment_id

    def tag_experiment(self, experiment_id: str, tags: Mapping[str, str]) -> None:
        """Set tags of an experiment."""
        for key, value in tags.items():
            self._post("experiments/set-experiment-tag", experiment_id=experiment_id, key=key, value=value)

    def experiment_name(self, experiment_id: str) -> str | None:
        """Fetch an experiment's name; None if it is deleted. Raises `Gone` if there is none."""
        found = self._get("experiments/get", experiment_id=experiment_id)["experiment"]
        return None if found.get("lifecycle_stage") == "deleted" else str(found["name"])

    def rename_experiment(self, experiment_id: str, name: str) -> None:
        """Rename an experiment, unless another one has the name, deleted or not."""
        if self._experiment_named(name) is None:
            self._post("experiments/update", experiment_id=experiment_id, new_name=name)

    def untag_experiment(self, experiment_id: str, keys: Sequence[str]) -> None:
        """Delete tags of an experiment; those that it does not have are passed over."""
        known = _pairs(self._get("experiments/get", experiment_id=experiment_id)["experiment"])
        for key in keys:
            if key in known:
                self._post("experiments/delete-experiment-tag", experiment_id=experiment_id, key=key)

    def delete_empty_experiment(self, experiment_id: str) -> None:
        """Delete an experiment in which no run is left that is not deleted."""
        if not self.active_runs(experiment_id, {}, 1):
            self._post("experiments/delete", experiment_id=experiment_id)

    def _experiment_named(self, name: str) -> Any:
        try:
            return self._get("experiments/get-by-name", experiment_name=name)["experiment"]
        except Gone:
            return None

    def _create_experiment(self, name: str) -> Any:
        try:
            return self._post("experiments/create", name=name)
        except TrackingDown:  # another process may have made it meanwhile
            if found := self._experiment_named(name):
                return found
            raise

    # ---- runs

    def run(self, run_id: str) -> MlflowRun:
        """Fetch a run; raises `Gone` if there is none."""
        return _found(self._get("runs/get", run_id=run_id)["run"])

    def runs(self, experiment_id: str, tags: Mapping[str, str], shown: str = ROLE_TAG) -> list[MlflowRun]:
        """Find the runs with these tags, deleted ones included, oldest first.

        Of their tags at least `shown` is there: to read all that a run shows costs MLflow milliseconds.
        """
        if self.takes_several:
            page = self._post(runs_endpoint.FIND, experiment_id=experiment_id, tags=dict(tags), shown=shown)
            return [_found(run) for run in page["runs"]]
        query: dict[str, Any] = {
            "experiment_ids": [experiment_id],
            "filter": _having(tags),
            "run_view_type": "ALL",
            "max_results": RUNS_PER_PAGE,
            "order_by": ["attributes.start_time ASC", "attributes.run_id ASC"],
        }
        found: list[MlflowRun] = []
        while True:
            page = self._post("runs/search", **query)
            found += map(_found, page.get("runs", ()))
            if not page.get("next_page_token"):
                return found
            query["page_token"] = page["next_page_token"]

    def active_runs(self, experiment_id: str, tags: Mapping[str, str], most: int) -> list[MlflowRun]:
        """Find some of the runs with these tags that are not deleted."""
        page = self._post(
            "runs/search",
            experiment_ids=[experiment_id],
            filter=_having(tags),
            run_view_type="ACTIVE_ONLY",
            max_results=most,
        )
        return [_found(run) for run in page.get("runs", ())]

    def create_run(self, experiment_id: str, name: str, start: int, tags: Mapping[str, str]) -> MlflowRun:
        """Create a run."""
        made = self._post(
            "runs/create",
            experiment_id=experiment_id,
            user_id=tags.get("mlflow.user", "unknown"),
            run_name=name,
            start_time=start,
            tags=_listed(cut(tags, MAX_TAG_CHARS)),
        )
        return _found(made["run"])

    def set_status(self, run_id: str, status: str, end: int | None) -> None:
        """Set a run's status: RUNNING or SCHEDULED, or how it ended: FINISHED, FAILED or KILLED."""
        ended = {} if end is None else {"end_time": end}
        self._post("runs/update", run_id=run_id, status=status, **ended)

    def rename(self, run_id: str, name: str) -> None:
        """Give a run another name."""
        self._post("runs/update", run_id=run_id, run_name=name)

    def retire(self, run_id: str) -> None:
        """Delete a run that another one replaces, or whose sweep is deleted.

        A tag says so: it was not deleted by a user, and a restored experiment does not restore it.
        """
        self._post("runs/set-tag", run_id=run_id, key=ROLE_TAG, value=REPLACED)
        self._post("runs/delete", run_id=run_id)

    def log(
        self,
        run_id: str,
        points: Sequence[MetricPoint] = (),
        params: Mapping[str, str] | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> None:
        """Write metrics, params and tags in as few requests as the server's limits allow."""
        left: dict[str, list[Any]] = {
            "metrics": [point.as_json() for point in points],
            "params": _listed(cut(params or {}, MAX_PARAM_CHARS)),
            "tags": _listed(cut(tags or {}, MAX_TAG_CHARS)),
        }
        while any(left.values()):
            some = {kind: each[: MAX_PER_REQUEST[kind]] for kind, each in left.items()}
            self._post("runs/log-batch", run_id=run_id, **some)
            left = {kind: each[MAX_PER_REQUEST[kind] :] for kind, each in left.items()}

    def write_runs(self, changes: Sequence[RunChange]) -> list[str | None]:
        """Write several runs in one request, which only a server with `takes_several` has.

        Returns the id of each, None of those of which nothing was written: the other requests are for them.
        """
        body = {"runs": [change.as_json() for change in changes]}
        found: list[str | None] = self._post(runs_endpoint.WRITE, **body)["run_ids"]
        return found

    def log_data(self, run_id: str, data: TrainingData) -> None:
        """Record the data set that a run was trained on; MLflow keeps equal ones once."""
        dataset = {"name": data.name, "digest": data.digest, "source_type": "cnnlab", "source": data.source}
        used = {"dataset": dataset, "tags": [{"key": "mlflow.data.context", "value": "training"}]}
        self._post("runs/log-inputs", run_id=run_id, datasets=[used])

    # ---- files

    def upload(self, run: MlflowRun, files: Mapping[str, str | bytes]) -> None:
        """Upload artifacts, given as text or bytes by their path within the run."""
        for name, content in files.items():
            self._upload(run, name, content.encode() if isinstance(content, str) else content)

    def delete_files(self, artifacts: str) -> None:
        """Delete all files of a run or a model, which are at this URI."""
        scheme, _, folder = artifacts.partition(":/")
        if scheme != THROUGH_THE_SERVER or folder.startswith("/"):
            _delete_elsewhere(self._url, artifacts)
            return
        try:
            self._ask("DELETE", FILES + quote(folder))
        except Gone:
            return

    def _upload(self, run: MlflowRun, name: str, content: bytes) -> None:
        folder = self.folder_of(run)
        if folder is None:
            _upload_elsewhere(self._url, run, name, content)
            return
        kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
        self._ask("PUT", FILES + quote(f"{folder}/{name}"), content=content, headers={"Content-Type": kind})

    def folder_of(self, run: MlflowRun) -> str | None:
        """Where the server keeps files of a run; None where it does not take them itself."""
        scheme, _, folder = run.artifacts.partition(":/")
        through = scheme == THROUGH_THE_SERVER and not folder.startswith("/")  # else it names another server
        return folder if through else None

    # ---- requests

    def request(self, method: str, path: str, **fields: Any) -> Any:
        """Return the JSON of an answer; the fields are the query of a GET, else the body."""
        how: dict[str, Any] = {"params": fields} if method == "GET" else {"json": fields}
        return self._ask(method, API + path, **how)

    def put(self, path: str, content: bytes) -> None:
        """Send a body that is no JSON."""
        self._ask("PUT", API + path, content=content)

    def _get(self, path: str, **query: str) -> Any:
        return self._ask("GET", API + path, params=query)

    def _post(self, path: str, **body: Any) -> Any:
        return self._ask("POST", API + path, json=body)

    def _ask(self, method: str, path: str, **how: Any) -> Any:
        """Return the JSON of an answer, or raise `Gone`, `Rejected` or `TrackingDown`."""
        try:
            answer = self._http.request(method, path, **how)
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            message = f"{self._url}: {type(error).__name__}: {error}"
            raise TrackingDown(without_passwords(message)) from error
        self.takes_several = runs_endpoint.SIGN in answer.headers
        said = _object(answer)
        if answer.is_success and said is not None:
            return said
        message = f"{self._url} answered {answer.status_code}: {answer.text[:MAX_MESSAGE_CHARS]}"
        if said:
            message = str(said.get("message", message))
        raise FAILURES.get(str((said or {}).get("error_code")), TrackingDown)(without_passwords(message))


def _upload_elsewhere(url: str, run: MlflowRun, name: str, content: bytes) -> None:
    """Upload to where the server keeps files without taking them itself, such as a bucket."""
    with tempfile.TemporaryDirectory(prefix="cnnlab-artifacts-") as folder:
        path = Path(folder, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        _elsewhere(url, run.artifacts, lambda repository: repository.log_artifacts(folder))


def _delete_elsewhere(url: str, artifacts: str) -> None:
    """Delete files where the server keeps them without taking them itself."""
    _elsewhere(url, artifacts, lambda repository: repository.delete_artifacts())


def _elsewhere(url: str, artifacts: str, work: Callable[[Any], None]) -> None:
    """Work with MLflow's own client on where files are."""
    os.environ |= {
        "MLFLOW_HTTP_REQUEST_TIMEOUT": str(REQUEST_SECONDS),
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
        "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
        "MLFLOW_DISABLE_TELEMETRY": "true",
    }
    from mlflow.exceptions import MlflowException
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository
    from requests import RequestException

    try:
        work(get_artifact_repository(artifacts, tracking_uri=url))
    except (MlflowException, RequestException) as error:
        raise TrackingDown(without_passwords(f"{artifacts}: {error}")) from error


def _object(answer: httpx2.Response) -> dict[str, Any] | None:
    """The JSON object of an answer; None if it is none, so not of an MLflow server."""
    try:
        said = answer.json() if answer.content else {}
    except ValueError:
        return None
    return said if isinstance(said, dict) else None


def _found(run: Any) -> MlflowRun:
    info = run["info"]
    deleted = info["lifecycle_stage"] == "deleted"
    return MlflowRun(
        info["run_id"],
        info["experiment_id"],
        deleted,
        info["artifact_uri"],
        info["status"],
        info.get("run_name", ""),
        _pairs(run.get("data", {})),
    )


def _having(tags: Mapping[str, str]) -> str:
    """The search filter of runs with these tags, none of whose values has a quote."""
    return " AND ".join(f"tags.`{key}` = '{value}'" for key, value in tags.items())


def _pairs(tagged: Any) -> dict[str, str]:
    return {tag["key"]: tag.get("value", "") for tag in tagged.get("tags", ())}


def _listed(texts: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"key": key, "value": value} for key, value in texts.items()]
