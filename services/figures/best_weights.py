"""Reads the file with a trial's best weights without torch: its first layer and its confusion matrix."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class BestWeights:
    """The first layer's weights, (O, I, h, w) or (O, I), the images' shape (C, H, W), the confusion matrix.

    `confusion` counts how often each class (row) was predicted as each class (column), over the images of
    one part (val or train); `class_names` are the names of the classes. What the file does not contain is
    None.
    """

    first: Any | None  # a NumPy array
    image: tuple[int, int, int] | None
    part: str | None
    confusion: list[list[int]] | None
    class_names: list[str] | None = None


def path(folder: Path, name: str) -> Path | None:
    """The path of a file with best weights below a folder; None if there is none within it."""
    folder = folder.resolve()
    found = (folder / name).resolve()
    return found if found.is_relative_to(folder) and found.is_file() else None


def read(path: Path) -> BestWeights:
    """Read a file that a runner wrote; raises OSError or ValueError if it is damaged."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="np") as file:
            metadata = file.metadata() or {}
            first = file.get_tensor(metadata["first_layer"]) if "first_layer" in metadata else None
    except SafetensorError as error:
        raise ValueError(str(error)) from error
    image = tuple(json.loads(metadata["image"])) if "image" in metadata else None
    confusion = json.loads(metadata["confusion"]) if "confusion" in metadata else None
    class_names = json.loads(metadata["class_names"]) if "class_names" in metadata else None
    return BestWeights(first, image, metadata.get("confusion_part"), confusion, class_names)
