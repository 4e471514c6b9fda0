"""benchmarks/large_sweep.py: every GET of the API is measured, or named with the reason why it is not."""

from __future__ import annotations

import re
from typing import Any

import pytest
from pydantic import SecretStr

from benchmarks.large_sweep import AFTER_AN_EPOCH, LEFT_OUT, QUERIES, filled, names_of
from services.api.app import make_app
from services.settings import Settings

Json = dict[str, Any]


@pytest.fixture
def description(sqlite_settings: Settings) -> Json:
    key = {"api_key": SecretStr("a key of twenty characters")}
    return make_app(sqlite_settings.model_copy(update=key)).openapi()


def matches(path: str, template: str) -> bool:
    """Whether a measured path, with or without places of its own, is one of a route."""
    pattern = re.sub(r"\\\{[a-z_]+\\\}", "[^/]+", re.escape(template))
    return re.fullmatch(pattern, path.partition("?")[0]) is not None


def test_every_get_is_measured_or_left_out_with_a_reason(description: Json) -> None:
    names = list(names_of(description))
    routes = [path for path, operations in description["paths"].items() if "get" in operations]
    assert len(routes) > 15
    for route in routes:
        assert any(matches(each, route) for each in (*names, *LEFT_OUT)), route
    for name in names:
        assert any(matches(name, route) for route in routes), name
    for each in ("effects", "heat-map", "parallel", "history"):
        assert f"/v1/sweeps/{{sweep_id}}/figures/{each}.svg" in names
    assert all(LEFT_OUT.values())


def test_what_is_named_by_hand_exists(description: Json) -> None:
    measured = {each.partition("?")[0] for each in names_of(description)}
    assert QUERIES.keys() <= measured
    assert set(AFTER_AN_EPOCH) <= set(names_of(description))
    for each in LEFT_OUT:
        assert each not in measured
        assert any(matches(each, route) for route in description["paths"])


def test_a_new_route_is_measured_and_one_with_an_unknown_place_is_not_passed_over() -> None:
    route: Json = {"get": {"parameters": [{"name": "colour", "in": "path", "schema": {"type": "string"}}]}}
    [name] = names_of({"paths": {"/v1/boxes/{colour}": route, "/v1/boxes": {"post": {}}}})
    assert name == "/v1/boxes/{colour}"
    with pytest.raises(KeyError, match="colour"):
        filled(name, "3f81c09a2e", 1000)
    route["get"]["parameters"][0]["schema"] = {"enum": ["red", "blue"]}
    assert list(names_of({"paths": {"/v1/boxes/{colour}": route}})) == ["/v1/boxes/red", "/v1/boxes/blue"]


def test_places_are_filled(description: Json) -> None:
    for name in names_of(description):
        assert "{" not in filled(name, "3f81c09a2e", 1000)
