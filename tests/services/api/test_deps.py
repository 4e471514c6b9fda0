"""Only a request with the API key reaches a route, and the refusal says what to send."""

from __future__ import annotations

import pytest
from fastapi import HTTPException
from fastapi.security import HTTPAuthorizationCredentials
from pydantic import SecretStr

from services.api.deps import Services, require_key
from services.api.library import Library
from services.api.shutdown import Shutdown
from services.queue import Publisher
from services.settings import Settings
from services.store.session import Store

KEY = "clé of twenty characters"


@pytest.fixture
def services(sqlite_settings: Settings, sqlite_store: Store) -> Services:
    settings = sqlite_settings.model_copy(update={"api_key": SecretStr(KEY)})
    return Services(settings, sqlite_store, Publisher(settings), Library(), Shutdown())


def sent(key: str) -> HTTPAuthorizationCredentials:
    """The credentials of a header that holds these UTF-8 bytes, as the framework decodes them."""
    return HTTPAuthorizationCredentials(scheme="Bearer", credentials=key.encode().decode("latin-1"))


def test_the_key_passes(services: Services) -> None:
    require_key(services, sent(KEY))


@pytest.mark.parametrize(
    ("key", "words"),
    [
        (KEY[:-1], "this is not the API key"),
        (KEY + " ", "this is not"),
        ("", "is missing"),
        (None, "is missing"),
    ],
)
def test_anything_else_is_401(services: Services, key: str | None, words: str) -> None:
    with pytest.raises(HTTPException) as caught:
        require_key(services, None if key is None else sent(key))
    assert caught.value.status_code == 401
    assert words in caught.value.detail
    assert "Authorization: Bearer" in caught.value.detail
    assert caught.value.headers == {"WWW-Authenticate": "Bearer"}
