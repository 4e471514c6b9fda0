"""The HTTP application, made from settings; nothing is made at import."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import Depends, FastAPI

from services.api import problems
from services.api.body import GuardedBody
from services.api.closing import Closing
from services.api.deps import Services, authorised
from services.api.library import Library
from services.api.problems import Outcome
from services.api.routes import (
    catalog,
    events,
    exports,
    health,
    leaderboard,
    page,
    reproduce,
    sweeps,
    trials,
    verbs,
    workers,
)
from services.queue import Publisher
from services.settings import Settings
from services.store.session import Store


def make_app(settings: Settings) -> FastAPI:
    """Make the application; `ValueError` without an API key. It connects to nothing before it is asked."""
    if settings.api_key is None:
        raise ValueError("CNNLAB_API_KEY is not set; make a key with: openssl rand -hex 24")
    store, library, closing = Store(settings.database_url), Library(), Closing()

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        threading.Thread(target=library.load, name="load-library", daemon=True).start()
        with closing.listening():
            yield
        store.close()

    app = FastAPI(
        title="cnnlab",
        version="1",
        summary="Hyperparameter sweeps of convolutional networks",
        redirect_slashes=False,
        docs_url=None,  # its looks come from the internet; routes/page.py has one that needs none
        redoc_url=None,
        responses=problems.RESPONSES,
        lifespan=lifespan,
    )
    app.state.services = Services(settings, store, Publisher(settings), library, closing)
    app.include_router(health.router)
    app.include_router(page.router)
    for part in (sweeps, verbs, events, exports, leaderboard, trials, reproduce, catalog, workers):
        app.include_router(part.router, prefix="/v1", dependencies=[Depends(authorised)])
    problems.install(app)
    app.add_middleware(GuardedBody)
    app.add_middleware(Outcome)
    return app


def from_environment() -> FastAPI:
    """The application of a process: `uvicorn --factory services.api.app:from_environment`."""
    return make_app(Settings.from_environment())
