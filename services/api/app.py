"""The HTTP application, made from settings; importing this module makes nothing."""

from __future__ import annotations

import sys
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import Depends, FastAPI

from services.api import error_handlers, problems
from services.api.body import GuardedBody
from services.api.deps import Services
from services.api.host_check import HostCheck, names_of
from services.api.key_check import KEY_SCHEME, KeyCheck
from services.api.known_parameters import check_parameters
from services.api.library import Library
from services.api.plannings import Plannings
from services.api.routes import (
    catalog,
    delete,
    edit,
    effects,
    events,
    exports,
    extend,
    figures,
    fork,
    health,
    leaderboard,
    model,
    page,
    register,
    reproduce,
    sweep_figures,
    sweeps,
    trials,
    verbs,
    workers,
)
from services.api.server_errors import ServerErrorMiddleware
from services.api.shutdown import Shutdown
from services.queue import Publisher
from services.settings import Settings
from services.store.session import Store

MAX_TURN_SECONDS = 0.0002  # of a thread while others wait: those that plan delay the one that answers


def make_app(settings: Settings) -> FastAPI:
    """Make the application, which connects to nothing until a request needs it.

    `ValueError` if the settings hold no API key.
    """
    if settings.api_key is None:
        raise ValueError("CNNLAB_API_KEY is not set; make a key with: openssl rand -hex 24")
    store, library, shutdown = (
        Store(settings.database_url, settings.idle_transaction, settings.lock_timeout),
        Library(),
        Shutdown(),
    )

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        threading.Thread(target=library.load, name="load-library", daemon=True).start()
        with shutdown.on_signals():
            yield
        store.close()

    app = FastAPI(
        title="cnnlab",
        version="1",
        summary="Hyperparameter sweeps of convolutional networks",
        redirect_slashes=False,
        docs_url=None,  # the framework's page loads scripts from the internet; routes/page.py has our own
        redoc_url=None,
        responses=problems.RESPONSES,
        dependencies=[Depends(check_parameters)],
        lifespan=lifespan,
    )
    app.state.services = Services(
        settings, store, Publisher(settings), library, shutdown, Plannings(shutdown)
    )
    app.include_router(health.router)
    app.include_router(page.router)
    for part in (
        *(sweeps, verbs, edit, delete, extend, events, exports, leaderboard, effects, sweep_figures),
        *(register, trials, figures, model, reproduce, fork, catalog, workers),
    ):
        app.include_router(part.router, prefix="/v1", dependencies=[Depends(KEY_SCHEME)])
    error_handlers.install(app)
    # The last one added is the first that a request meets.
    app.add_middleware(GuardedBody)
    app.add_middleware(KeyCheck, key=settings.api_key)
    app.add_middleware(HostCheck, names=names_of(settings))
    app.add_middleware(ServerErrorMiddleware)
    return app


def from_environment() -> FastAPI:
    """The application of a process: `uvicorn --factory services.api.app:from_environment`."""
    sys.setswitchinterval(MAX_TURN_SECONDS)
    return make_app(Settings.from_environment())
