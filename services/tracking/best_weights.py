"""What the file with a trial's best weights tells without torch: its first layer, and what it gets wrong."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class BestWeights:
    """Of the first layer its weights, (O, I, h, w) or (O, I), and the images' shape (C, H, W).

    `confusion` counts, for the images of a part (val or train), how often each class (row) was taken for
    each class (column). What the file does not have is None.
    """

    first: Any | None  # a NumPy array
    image: tuple[int, int, int] | None
    part: str | None
    confusion: list[list[int]] | None


def read(path: Path) -> BestWeights:
    """Read a file that a runner wrote; OSError or ValueError where it is damaged."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="np") as file:
            told = file.metadata() or {}
            first = file.get_tensor(told["first_layer"]) if "first_layer" in told else None
    except SafetensorError as error:
        raise ValueError(str(error)) from error
    image = tuple(json.loads(told["image"])) if "image" in told else None
    confusion = json.loads(told["confusion"]) if "confusion" in told else None
    return BestWeights(first, image, told.get("confusion_part"), confusion)
