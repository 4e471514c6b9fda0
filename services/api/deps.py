"""What a route can depend on: the services behind the API, and that the caller has sent the key."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, HTTPException, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from services.api.library import Library
from services.api.shutdown import Shutdown
from services.queue import Publisher
from services.settings import Settings
from services.store.session import Store


@dataclass(frozen=True)
class Services:
    """Everything that stands behind one application."""

    settings: Settings
    store: Store
    publisher: Publisher
    library: Library
    shutdown: Shutdown


def get_services(request: Request) -> Services:
    """The services of the application that handles this request."""
    services: Services = request.app.state.services
    return services


ServicesDep = Annotated[Services, Depends(get_services)]
Credentials = Annotated[
    HTTPAuthorizationCredentials | None,
    Depends(HTTPBearer(auto_error=False, description="The API key, CNNLAB_API_KEY")),
]


def require_key(services: ServicesDep, credentials: Credentials) -> None:
    """Raise 401 unless the request carries the API key; compared in constant time."""
    key = services.settings.api_key
    assert key is not None
    sent = credentials.credentials if credentials else ""
    # A header is bytes, which the framework decodes as Latin-1.
    if not secrets.compare_digest(sent.encode("latin-1"), key.get_secret_value().encode()):
        why = "this is not the API key" if sent else "the API key is missing"
        detail = f"{why}; send the header: Authorization: Bearer <CNNLAB_API_KEY>"
        raise HTTPException(401, detail, headers={"WWW-Authenticate": "Bearer"})
