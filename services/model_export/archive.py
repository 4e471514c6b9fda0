"""A model's files in one zip: model.py, its weights, model.onnx where it can be made, and card.md."""

from __future__ import annotations

import tempfile
import zipfile
from pathlib import Path

from services.figures import best_weights
from services.model_export import writing
from services.model_export.card import card
from services.model_export.trained_trial import TrainedTrial

CARD = "card.md"
PACKED = (writing.MODEL, CARD)  # text; numbers hardly get smaller


def write_archive(found: TrainedTrial, weights: Path, to: Path) -> None:
    """Write the zip; `NotWritten` if the model cannot be written."""
    with tempfile.TemporaryDirectory(prefix="cnnlab-model-") as place:
        folder = Path(place)
        written = writing.write(weights, found.config, found.title, folder, onnx=True)
        text = card(found, best_weights.read(weights), written)
        (folder / CARD).write_text(f"{text}\n", encoding="utf-8")
        with zipfile.ZipFile(to, "w") as archive:
            for path in sorted(folder.iterdir()):
                how = zipfile.ZIP_DEFLATED if path.name in PACKED else zipfile.ZIP_STORED
                archive.write(path, path.name, how)
