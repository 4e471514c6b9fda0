"""The check of the API key: from a request's headers, before one byte of its body is read."""

from __future__ import annotations

import secrets

from fastapi import Response
from fastapi.security import HTTPBearer
from pydantic import SecretStr
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from services.api.problems import problem
from services.api.refusal import MAX_UNREAD_BYTES, has_body, refuse

OPEN_PATHS = frozenset({"/", "/docs", "/health", "/ready", "/openapi.json"})
OPEN_FOLDER = "/page/"
# What the OpenAPI document says of it; this object itself refuses nothing.
KEY_SCHEME = HTTPBearer(auto_error=False, description="The API key, CNNLAB_API_KEY")


class KeyCheck:
    """Pass on requests that carry the API key, and those for the few addresses that need none.

    Without the key: 401, at once. Those few addresses take no body: 413. Whatever else is added to the
    application needs the key, so a forgotten entry of the list hides an address and never opens one.
    """

    def __init__(self, app: ASGIApp, key: SecretStr) -> None:
        self._app, self._key = app, key.get_secret_value().encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check the request; pass it on, or answer it here."""
        refusal = self._refusal(scope) if scope["type"] == "http" else None
        if refusal is None:
            await self._app(scope, receive, send)
        else:
            await refuse(refusal, scope, receive, send, MAX_UNREAD_BYTES)

    def _refusal(self, scope: Scope) -> Response | None:
        path: str = scope["path"]
        if path in OPEN_PATHS or path.startswith(OPEN_FOLDER):
            return problem(413, f"{path} takes no body; send none", path) if has_body(scope) else None
        sent = _sent_key(scope)
        if secrets.compare_digest(sent, self._key):
            return None
        why = "this is not the API key" if sent else "the API key is missing"
        detail = f"{why}; send the header: Authorization: Bearer <CNNLAB_API_KEY>"
        return problem(401, detail, path, headers={"WWW-Authenticate": "Bearer"})


def _sent_key(scope: Scope) -> bytes:
    """The bytes after `Bearer` in the first header Authorization; empty if there are none."""
    # A header is bytes, which the framework decodes as Latin-1.
    kind, _, key = Headers(scope=scope).get("authorization", "").partition(" ")
    return key.encode("latin-1") if kind.lower() == "bearer" else b""
