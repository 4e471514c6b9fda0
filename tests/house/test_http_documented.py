"""docs/http.md has a line for every route, and for no other."""

from __future__ import annotations

import re
import secrets
from pathlib import Path

import pytest
from pydantic import SecretStr

from services.api.app import make_app
from services.settings import Settings

PAGE = (Path(__file__).parents[2] / "docs" / "http.md").read_text(encoding="utf-8")


@pytest.fixture
def routes(sqlite_settings: Settings) -> set[tuple[str, str]]:
    """Every route of the API's own description."""
    app = make_app(sqlite_settings.model_copy(update={"api_key": SecretStr(secrets.token_hex(16))}))
    return {(verb.upper(), path) for path, verbs in app.openapi()["paths"].items() for verb in verbs}


def test_every_route_has_its_line(routes: set[tuple[str, str]]) -> None:
    told = set(re.findall(r"^\| `([A-Z]+) (/\S*)` \|", PAGE, re.MULTILINE))
    assert told == routes


def test_every_route_of_a_list_is_summed_up(sqlite_settings: Settings) -> None:
    app = make_app(sqlite_settings.model_copy(update={"api_key": SecretStr(secrets.token_hex(16))}))
    for path, verbs in app.openapi()["paths"].items():
        for verb, operation in verbs.items():
            assert " " in operation["summary"] or path in ("/health", "/ready"), (
                f"{verb} {path} has no summary"
            )
