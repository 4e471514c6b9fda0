"""What routes raise on purpose, and requests that match no route, answered as problems."""

from __future__ import annotations

from http import HTTPStatus

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.routing import compile_path

from services.api.plannings import StillPlanning
from services.api.problems import problem, unprocessable
from services.api.validation import problems_of
from services.api.views.planning import PlanningView
from services.domain.errors import NotFound, ParameterError, Refused, SpecError, StateForbids, Unreadable

STATUS_OF: dict[type[Refused], int] = {
    SpecError: 422,
    ParameterError: 422,
    NotFound: 404,
    StateForbids: 409,
    Unreadable: 409,
}


def install(app: FastAPI) -> None:
    """Register a handler for each kind of exception."""
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(Refused, _refused)
    app.add_exception_handler(StillPlanning, _still_planning)


def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    detail, path, headers = str(error.detail), request.url.path, dict(error.headers or {})
    if error.status_code == 405:
        headers["Allow"] = ", ".join(_methods(request.app, path)) or headers.get("Allow", "")
        detail = f"{path} does not accept {request.method}; it accepts {headers['Allow']}"
    elif detail == HTTPStatus.NOT_FOUND.phrase:  # the framework's own text
        detail = f"there is nothing at {path}; /docs lists every address"
    return problem(error.status_code, detail, path, headers=headers)


def _methods(app: FastAPI, path: str) -> list[str]:
    """All methods of an address; the router names only those of the first route that matches."""
    known = app.openapi()["paths"].items()
    matching = [verbs for shape, verbs in known if compile_path(shape)[0].match(path)]
    return sorted({verb.upper() for verbs in matching for verb in verbs})


def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    return unprocessable(problems_of(error), request.url.path)


def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refused)
    if isinstance(error, SpecError):
        return unprocessable(error.problems, request.url.path)
    return problem(STATUS_OF[type(error)], error.detail, request.url.path)


def _still_planning(_: Request, error: Exception) -> Response:
    assert isinstance(error, StillPlanning)
    detail = (
        f"the sweep is being planned for {error.seconds:.0f} s: its points are drawn and its data are read; "
        "send the same request with the same Idempotency-Key again to wait for it"
    )
    view = PlanningView(planning_seconds=round(error.seconds, 1), detail=detail)
    return JSONResponse(view.model_dump(), 202, {"Retry-After": "1"})
