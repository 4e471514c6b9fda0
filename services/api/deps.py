"""What a route can ask for: the services behind the API, and that the caller has the key."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, HTTPException, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from services.api.closing import Closing
from services.api.library import Library
from services.queue import Publisher
from services.settings import Settings
from services.store.session import Store


@dataclass(frozen=True)
class Services:
    """Everything behind one app."""

    settings: Settings
    store: Store
    publisher: Publisher
    library: Library
    closing: Closing


def services(request: Request) -> Services:
    """The app's services."""
    found: Services = request.app.state.services
    return found


Reached = Annotated[Services, Depends(services)]
Credentials = Annotated[
    HTTPAuthorizationCredentials | None,
    Depends(HTTPBearer(auto_error=False, description="The API key, CNNLAB_API_KEY")),
]


def authorised(reached: Reached, given: Credentials) -> None:
    """Let only those pass who have the key; compared in constant time."""
    key = reached.settings.api_key
    assert key is not None
    sent = given.credentials if given else ""
    # A header is bytes that the framework reads as Latin-1.
    if not secrets.compare_digest(sent.encode("latin-1"), key.get_secret_value().encode()):
        why = "this is not the API key" if sent else "the API key is missing"
        detail = f"{why}; send the header: Authorization: Bearer <CNNLAB_API_KEY>"
        raise HTTPException(401, detail, headers={"WWW-Authenticate": "Bearer"})
