"""A trial's model: taken out as files, or asked what it sees in an image."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Body
from fastapi.responses import FileResponse
from starlette.background import BackgroundTask

from services.api.deps import ServicesDep
from services.api.views.prediction import ClassView, PredictionView
from services.domain.errors import StateForbids
from services.model_export import trained_trial
from services.model_export.archive import write_archive
from services.model_export.writing import NotWritten

router = APIRouter(tags=["trials"])
MEDIA_TYPE = "application/zip"
ZIP_RESPONSE: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "A zip, as a file to download",
        "content": {MEDIA_TYPE: {"schema": {"type": "string", "format": "binary"}}},
    }
}


@router.get(
    "/trials/{trial_id}/model",
    response_class=FileResponse,
    responses=ZIP_RESPONSE,
    summary="Take a trial's model out",
)
def take(trial_id: str, services: ServicesDep) -> FileResponse:
    """The weights of its best epoch as files that need nothing of this service.

    `model.py` needs torch only and reads the weights beside it, `model.safetensors`. `model.onnx` is for
    other runtimes, and left out where the packages for it are missing. `card.md` has data, config and result.
    """
    found = services.store.read(lambda session: trained_trial.read(session, trial_id))
    weights = trained_trial.weights_file(found.trial, services.settings.files)
    with tempfile.NamedTemporaryFile(prefix="cnnlab-", suffix=".zip", delete=False) as file:
        path = Path(file.name)
    try:
        with services.exports.turn():
            write_archive(found, weights, path)
    except (NotWritten, OSError, ValueError) as error:
        path.unlink()
        raise StateForbids(f"there is no model of trial {trial_id}: {error}") from error
    return FileResponse(
        path, media_type=MEDIA_TYPE, filename=f"{trial_id}.zip", background=BackgroundTask(path.unlink)
    )


@router.post("/trials/{trial_id}/predict", summary="Ask a trial's model what is in an image")
def predict(
    trial_id: str,
    services: ServicesDep,
    image: Annotated[bytes, Body(media_type="image/*", description="A PNG, JPEG, BMP or WebP file")] = b"",
) -> PredictionView:
    """The body is an image file of any size, which is cropped and scaled as those of data sets are."""
    found = services.store.read(lambda session: trained_trial.read(session, trial_id))
    weights = trained_trial.weights_file(found.trial, services.settings.files)
    classes = services.library.predict(weights, found.config, image)
    if len(classes) == 1:  # a regression
        return PredictionView(trial=trial_id, classes=[], value=classes[0].score)
    shown = [
        ClassView(index=each.index, name=each.name or None, score=each.score, probability=each.probability)
        for each in classes
    ]
    return PredictionView(trial=trial_id, classes=shown, value=None)
