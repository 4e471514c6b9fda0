"""The real API on loopback, served by a thread of the test."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import uvicorn
from servers.process import free_port
from starlette.types import ASGIApp

from services.api.app import make_app
from services.api.shutdown import Shutdown
from services.settings import Settings


class ServedApi:
    """An API that can be stopped and started again at the same address."""

    def __init__(self, settings: Settings, wrap: Callable[[ASGIApp], ASGIApp] = lambda app: app) -> None:
        self._settings, self._wrap, self.port = settings, wrap, free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.start()

    def start(self) -> None:
        """Serve in a thread."""
        app = make_app(self._settings)
        self._shutdown: Shutdown = app.state.services.shutdown
        wrapped = self._wrap(app)
        config = uvicorn.Config(wrapped, port=self.port, log_level="warning", lifespan="on", ws="none")
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run)
        self._thread.start()
        while not self._server.started:
            assert self._thread.is_alive()
            time.sleep(0.01)

    def stop(self) -> None:
        """Stop, and wait until it has."""
        self._shutdown.request()  # somebody may still follow a stream of events
        self._server.should_exit = True
        self._thread.join()
