"""The outermost middleware: an unexpected exception is a 503 when the database is away, otherwise a 500."""

from __future__ import annotations

import logging

from fastapi import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.api.problems import problem
from services.store.session import is_outage

log = logging.getLogger(__name__)


class ServerErrorMiddleware:
    """Log every exception that no handler expected and answer it without showing its text.

    An exception after the answer has begun, as in a background task, can only be logged.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and answer it here if that fails."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = False

        async def watched_send(message: Message) -> None:
            nonlocal begun
            begun = begun or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, watched_send)
        except Exception as error:
            answer = _answer(error, scope)
            if not begun:
                await answer(scope, receive, send)


def _answer(error: Exception, scope: Scope) -> Response:
    method, path = scope["method"], scope["path"]
    if not is_outage(error):
        log.error("%s %s failed", method, path, exc_info=error)
        return problem(500, "the service failed; its log has the details", path)
    log.warning("%s %s: the database is away: %s", method, path, error)
    # The answer to a COMMIT can be lost, too.
    detail = (
        "the database does not answer, so it is not known whether a change was written. Try again in a few "
        "seconds; repeat a submit with the same Idempotency-Key"
    )
    return problem(503, detail, path, headers={"Retry-After": "5"})
