"""Delete a sweep with everything that belongs to it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response

from services import pack_folders
from services.api.deps import ServicesDep
from services.api.views.deletion import DeletionView, deletion_view
from services.store import deletion, sweeps
from services.store.deletion import Contents
from services.store.models import Sweep
from services.store.session import Session

router = APIRouter(tags=["sweeps"])


@router.delete(
    "/sweeps/{sweep_id}",
    status_code=202,
    summary="Delete a sweep",
    responses={200: {"model": DeletionView, "description": "What would go (dry_run)"}},
)
def delete(
    sweep_id: str,
    services: ServicesDep,
    response: Response,
    dry_run: Annotated[bool, Query(description="Show what would go and delete nothing")] = False,
) -> DeletionView:
    """Delete a sweep that has ended, with its trials, files and runs in MLflow; it cannot be taken back.

    It is shown nowhere any more as soon as this is answered; upkeep does the rest. A sweep that goes on is
    refused, and so is one that another sweep needs: one that continues it, has reused its trials, is a fork
    of one of them, or begins its search with its results.
    """

    def read(session: Session) -> tuple[Sweep, Contents]:
        sweep = sweeps.get(session, sweep_id)
        deletion.check(session, sweep)
        return sweep, deletion.contents(session, sweep_id)

    sweep, contents = services.store.read(read)
    view = deletion_view(
        sweep, contents, pack_folders.measure(services.settings.files, contents.packs), not dry_run
    )
    if dry_run:
        response.status_code = 200
    else:
        services.store.write(lambda session: deletion.begin(session, sweep_id))
    return view
