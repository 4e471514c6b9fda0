"""The requests about several runs, in MLflow's application: `services/tracking/runs_endpoint.py`.

Their paths are below MLflow's API, so what MLflow checks before a request, the host and the origin, it checks
of these, too.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Flask, Response, request

from services.stack import given_run
from services.stack.mlflow_store import MirrorStore
from services.tracking import runs_endpoint

Answer = tuple[dict[str, Any], int]
API = "/api/2.0/mlflow/"
WRITE_BODY = '{"runs": [{…}, …]}'
FIND_BODY = '{"experiment_id": "1", "tags": {"a": "b", …}, "shown": "c"}'
MAX_SHOWN_CHARS = 80  # of a body that is none


def add_to(app: Flask, store: Callable[[], Any]) -> None:
    """Add the requests, and the header that announces them to every answer."""

    def own() -> MirrorStore:
        made = store()
        assert isinstance(made, MirrorStore)
        return made

    @app.post(API + runs_endpoint.WRITE)
    def write_runs() -> Answer:
        match request.get_json(silent=True):
            case {"runs": list(runs)}:
                return {"run_ids": own().write_runs([given_run.read(run) for run in runs])}, 200
        return _refused(WRITE_BODY)

    @app.post(API + runs_endpoint.FIND)
    def find_runs() -> Answer:
        match request.get_json(silent=True):
            case {"experiment_id": str(experiment_id), "tags": dict(tags), "shown": str(shown)} if (
                experiment_id.isdecimal() and tags and all(isinstance(each, str) for each in tags.values())
            ):
                return {"runs": own().find_runs(int(experiment_id), tags, shown)}, 200
        return _refused(FIND_BODY)

    @app.after_request
    def announce(answer: Response) -> Response:
        answer.headers[runs_endpoint.SIGN] = "1"
        return answer


def _refused(right: str) -> Answer:
    shown = request.get_data(as_text=True)[:MAX_SHOWN_CHARS]
    message = f"the body must be JSON, {right}; got {shown!r}"
    return {"error_code": "INVALID_PARAMETER_VALUE", "message": message}, 400
