"""The query parameters of a request: one that its route does not have is refused, and never ignored."""

from __future__ import annotations

from fastapi import Request, params
from fastapi.dependencies.utils import get_flat_params
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute

from services.domain.errors import nearest


async def check_parameters(request: Request) -> None:
    """Refuse query parameters that the route does not declare; `RequestValidationError`, one fault for each.

    A misspelt `dry_run` would otherwise delete what it should only have counted.
    """
    route = request.scope["route"]
    assert isinstance(route, APIRoute)
    fields = get_flat_params(route.dependant)
    known = sorted(field.alias for field in fields if isinstance(field.field_info, params.Query))
    unknown = [name for name in dict.fromkeys(request.query_params) if name not in known]
    if unknown:
        raise RequestValidationError([_fault(name, known) for name in unknown])


def _fault(name: str, known: list[str]) -> dict[str, object]:
    listed = f"Known: {', '.join(known)}" if known else "This address has no query parameters"
    reason = f"there is none of that name here.{nearest(name, known)} {listed}"
    return {"type": "value_error", "loc": ("query", name), "ctx": {"error": reason}}
