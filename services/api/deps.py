"""What a route can depend on: the services behind the API."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends, Request

from services.api.analyses import Analyses
from services.api.library import Library
from services.api.model_exports import ModelExports
from services.api.plannings import Plannings
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
    plannings: Plannings
    analyses: Analyses = field(default_factory=Analyses)
    exports: ModelExports = field(default_factory=ModelExports)


def get_services(request: Request) -> Services:
    """The services of the application that handles this request."""
    services: Services = request.app.state.services
    return services


ServicesDep = Annotated[Services, Depends(get_services)]
