"""The check of the Host header: the API answers to its own names, so no web page can reach it by another.

A page of example.org whose owner lets that name point to 127.0.0.1 (DNS rebinding) is of one origin with this
API for a browser, but its requests carry the Host example.org.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_address
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from services.api.problems import problem
from services.api.refusal import MAX_UNREAD_BYTES, refuse
from services.settings import Settings

LOOPBACK_NAME = "localhost"


def names_of(settings: Settings) -> frozenset[str]:
    """The names under which an API with these settings may be reached, besides IP addresses."""
    public = urlsplit(settings.public_url).hostname or ""
    given = (settings.allowed_hosts or "").split(",")
    return frozenset(name.strip().lower() for name in (LOOPBACK_NAME, public, *given) if name.strip())


class HostCheck:
    """Pass on requests whose Host is one of the names, or an IP address, which no name server can turn.

    The port does not matter. Any other name: 421. Without a Host, which no browser leaves out, a request
    passes.
    """

    def __init__(self, app: ASGIApp, names: Iterable[str]) -> None:
        self._app, self._names = app, frozenset(names)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check the request; pass it on, or answer it here."""
        host = Headers(scope=scope).get("host", "") if scope["type"] == "http" else ""
        if not host or self._allows(host):
            await self._app(scope, receive, send)
            return
        detail = (
            f"this API does not answer to the name {host!r}; use its IP address or one of "
            f"{', '.join(sorted(self._names))}, or add the name to CNNLAB_ALLOWED_HOSTS"
        )
        await refuse(problem(421, detail, scope["path"]), scope, receive, send, MAX_UNREAD_BYTES)

    def _allows(self, host: str) -> bool:
        try:
            name = urlsplit(f"//{host}").hostname or ""
        except ValueError:  # a bracket too many
            return False
        return name.rstrip(".") in self._names or _is_address(name)


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True
