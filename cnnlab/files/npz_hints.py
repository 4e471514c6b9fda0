"""How to mend arrays that others call or store otherwise: what the refusal of an .npz suggests."""

from collections.abc import Iterable, Mapping, Sequence
from math import isqrt
from typing import Any

import numpy as np

# What Keras, MedMNIST, scikit-learn and tutorials call the arrays, in lower case.
OTHER_NAMES: Mapping[str, tuple[str, ...]] = {
    "train_x": ("x_train", "train_images", "train_data", "images", "data", "x"),
    "train_y": ("y_train", "train_labels", "train_targets", "labels", "targets", "target", "y"),
    "val_x": ("x_val", "x_valid", "val_images", "valid_images"),
    "val_y": ("y_val", "y_valid", "val_labels", "valid_labels"),
    "test_x": ("x_test", "test_images", "test_data"),
    "test_y": ("y_test", "test_labels", "test_targets"),
}


def renaming(missing: Sequence[str], found: Iterable[str]) -> str:
    """Return which of the arrays that are there seem to be the missing ones."""
    there = {name.lower(): name for name in found}
    pairs = [
        f"{there[other]} to {array}"
        for array in missing
        for other in next(([each] for each in OTHER_NAMES[array] if each in there), [])
    ]
    return f"; rename {', '.join(pairs)}" if pairs else ""


def pixels(array: str, shape: tuple[int, ...], dtype: np.dtype[Any]) -> str:
    """Return how pixels of another type or shape become uint8 (N, H, W) or (N, H, W, C)."""
    if dtype.hasobject:
        return " (Python objects are never read); stack images of one size: np.stack(images)"
    if len(shape) == 2 and (image := _unrolled(shape[1])):
        return f"; images are no rows: {array}.reshape({image})"
    if dtype.kind == "f":
        return f"; where they are 0 … 1: (255 * {array}).round().astype(np.uint8)"
    if dtype.kind == "b":
        return f"; 255 * {array}.astype(np.uint8)"
    return f"; where they are 0 … 255: {array}.astype(np.uint8)" if dtype.kind in "iu" else ""


def labels(array: str, shape: tuple[int, ...], dtype: np.dtype[Any]) -> str:
    """Return how labels of another type or shape become integers (N,)."""
    if dtype.hasobject or dtype.kind in "US":
        never = " (Python objects are never read)" if dtype.hasobject else ""
        texts = f"{array}.astype(str)" if dtype.hasobject else array
        return f"{never}; of texts: np.unique({texts}, return_inverse=True)[1]"
    if len(shape) == 2 and shape[1] > 1:
        return f"; of one-hot rows: {array}.argmax(1)"
    flat = f"{array}.ravel()" if len(shape) == 2 else array if len(shape) == 1 else ""
    if not flat:
        return ""
    return f"; {flat}" if dtype.kind in "iu" else f"; {flat}.astype(np.int64)"


def numbers(gaps: Sequence[int]) -> str:
    """Return how classes with gaps become 0 … C−1."""
    if not gaps:
        return ""
    if gaps == [0]:
        return "; where they count from 1: train_y - 1, and test_y - 1"
    return "; without gaps: names, train_y = np.unique(train_y, return_inverse=True)"


def _unrolled(pixels: int) -> str:
    """Return the shape of square images whose rows have so many pixels; "" if there is none."""
    if (side := isqrt(pixels)) ** 2 == pixels and side > 1:
        return f"-1, {side}, {side}"
    if pixels % 3 == 0 and (side := isqrt(pixels // 3)) ** 2 == pixels // 3 and side > 1:
        return f"-1, {side}, {side}, 3"
    return ""
