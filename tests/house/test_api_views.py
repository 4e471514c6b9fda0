"""What the API answers is defined in services/api/views: no class of the domain or the store leaves it."""

from __future__ import annotations

import dataclasses
import importlib
import pkgutil
import secrets
from collections.abc import Iterator
from typing import Any, get_args, get_type_hints

import pytest
from fastapi.routing import APIRoute
from fastapi.sse import ServerSentEvent
from pydantic import BaseModel, SecretStr

from services.api import routes
from services.api.app import make_app
from services.domain.spec.spec import Objective
from services.settings import Settings

VIEWS = "services.api.views."
OTHERS = {ServerSentEvent}  # the framework's envelope of an event


def classes_in(kind: Any, seen: set[int]) -> Iterator[type]:
    """Every class of a type: unions, generics and fields are taken apart; the builtin ones are left out."""
    if id(kind) in seen:
        return
    seen.add(id(kind))
    for part in get_args(kind):
        yield from classes_in(part, seen)
    if not isinstance(kind, type) or kind.__module__ in ("builtins", "typing", "collections.abc"):
        return
    yield kind
    if issubclass(kind, BaseModel) or dataclasses.is_dataclass(kind) or hasattr(kind, "_fields"):
        for field in get_type_hints(kind).values():
            yield from classes_in(field, seen)


def strangers(model: Any) -> set[str]:
    """The classes of a response model that services/api/views does not define."""
    return {
        f"{kind.__module__}.{kind.__qualname__}"
        for kind in classes_in(model, set())
        if kind not in OTHERS and not kind.__module__.startswith(VIEWS)
    }


def all_routes() -> list[APIRoute]:
    found = [
        route
        for module in pkgutil.iter_modules(routes.__path__)
        for route in importlib.import_module(f"{routes.__name__}.{module.name}").router.routes
    ]
    return [route for route in found if isinstance(route, APIRoute) and route.include_in_schema]


def test_every_answer_is_a_view() -> None:
    found = {route.path: strangers(route.response_model) for route in all_routes()}
    assert not {path: names for path, names in found.items() if names}


def test_the_walk_sees_every_route_and_goes_into_fields(sqlite_settings: Settings) -> None:
    app = make_app(sqlite_settings.model_copy(update={"api_key": SecretStr(secrets.token_hex(16))}))
    assert {route.path for route in all_routes()} == {
        path.removeprefix("/v1") for path in app.openapi()["paths"]
    }
    [show] = [r for r in all_routes() if r.path == "/sweeps/{sweep_id}" and r.methods == {"GET"}]
    seen = {kind.__name__ for kind in classes_in(show.response_model, set())}
    assert {"SweepDetail", "BlockerView", "PointView", "ReplicateView", "AxisView", "ObjectiveView"} <= seen


@pytest.mark.parametrize("model", [Objective, list[Objective], dict[str, Objective | None]])
def test_a_class_of_the_domain_is_found(model: Any) -> None:
    assert strangers(model) == {"services.domain.spec.objective.Objective"}
