"""What goes with a sweep that is deleted, as JSON."""

from __future__ import annotations

from pydantic import BaseModel

from services.pack_folders import FilesSize
from services.store.deletion import Contents
from services.store.models import Sweep


class DeletionView(BaseModel):
    """What goes with a sweep; `deleting` is false for a dry run."""

    id: str
    name: str
    deleting: bool
    trials: int
    epochs: int  # that its trials have reported
    packs: int
    files: int  # checkpoints, best weights and logs
    bytes: int  # of these files
    mlflow_runs: int


def deletion_view(sweep: Sweep, contents: Contents, size: FilesSize, deleting: bool) -> DeletionView:
    """What goes with a sweep."""
    return DeletionView(
        id=sweep.id,
        name=sweep.name,
        deleting=deleting,
        trials=contents.trials,
        epochs=contents.epochs,
        packs=len(contents.packs),
        files=size.files,
        bytes=size.bytes,
        mlflow_runs=contents.runs,
    )
