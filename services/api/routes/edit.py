"""Change a sweep's name and description."""

from __future__ import annotations

from functools import partial

from fastapi import APIRouter

from services.api.deps import ServicesDep
from services.api.known_fields import KnownFields
from services.api.read_sweep import read_sweep
from services.api.views.sweep import SweepDetail
from services.domain.errors import Problem, SpecError
from services.domain.spec.display_name import Description, Name
from services.store import editing

router = APIRouter(tags=["sweeps"])


class EditBody(KnownFields):
    """What changes; a field that is left out stays."""

    name: Name | None = None
    description: Description | None = None


@router.patch("/sweeps/{sweep_id}", summary="Change a sweep's name or description")
def edit(sweep_id: str, body: EditBody, services: ServicesDep) -> SweepDetail:
    """Change a sweep's name, its description or both, at any time; MLflow follows within seconds.

    Its id and its project stay: by the project trials are reused.
    """
    if body.name is None and body.description is None:
        raise SpecError([Problem("", "must have name, description or both, got neither")])
    services.store.write(
        partial(editing.edit, sweep_id=sweep_id, name=body.name, description=body.description)
    )
    return read_sweep(sweep_id, services)
