"""What a fuzz run reached: every answer's status by route. Streams are cut off, as they never end."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from typing import Any

from starlette.routing import compile_path
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_STREAM_SECONDS = 0.3


class Recorder:
    """Stands before an application and counts its answers by method, route and status."""

    def __init__(self) -> None:
        self.statuses: dict[tuple[str, str], Counter[int]] = defaultdict(Counter)
        self._routes: list[tuple[Any, str]] = []

    def know(self, document: dict[str, Any]) -> None:
        """Take the routes of an OpenAPI document."""
        for path, verbs in document["paths"].items():
            self._routes.append((compile_path(path)[0], path))
            for verb in verbs:
                self.statuses[verb.upper(), path]

    def wrap(self, app: ASGIApp) -> ASGIApp:
        """The application, recorded."""

        async def recorded(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http":
                await app(scope, receive, send)
                return
            begun = False

            async def watched(message: Message) -> None:
                nonlocal begun
                if message["type"] == "http.response.start":
                    begun = True
                    self._record(scope["method"], scope["path"], message["status"])
                await send(message)

            try:
                async with asyncio.timeout(MAX_STREAM_SECONDS if scope["path"].endswith("/events") else None):
                    await app(scope, receive, watched)
            except TimeoutError:
                assert begun
                await send({"type": "http.response.body", "body": b"", "more_body": False})

        return recorded

    def _record(self, method: str, path: str, status: int) -> None:
        route = next((shape for pattern, shape in self._routes if pattern.match(path)), None)
        if route is not None and (method, route) in self.statuses:
            self.statuses[method, route][status] += 1
