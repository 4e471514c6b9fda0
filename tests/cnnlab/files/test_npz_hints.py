"""Every suggestion, followed as it stands, turns a refused .npz into one that is taken."""

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from cnnlab.data import DamagedData
from cnnlab.files.npz_file import NpzFile

X = np.random.default_rng(0).integers(0, 256, (12, 6, 6), dtype=np.uint8)
Y = np.arange(12) % 3
GOOD = {"train_x": X, "train_y": Y}


def opened(**arrays: Any) -> NpzFile:
    file = io.BytesIO()
    np.savez(file, **arrays)
    return NpzFile(file, "d.npz")


def refusal(**arrays: Any) -> str:
    with pytest.raises(DamagedData) as caught:
        opened(**arrays)
    return str(caught.value)


@pytest.mark.parametrize(
    ("array", "value"),
    [
        ("train_x", X / 255),
        ("train_x", X > 99),
        ("train_x", X.astype(np.int64)),
        ("train_x", X.reshape(12, 36)),
        ("train_x", np.stack([X, X, X], 3).reshape(12, 108)),
        ("train_x", np.stack([X, X, X], 1)),
        ("train_y", Y[:, None]),
        ("train_y", Y.astype(float)),
        ("train_y", Y.astype(float)[:, None]),
        ("train_y", Y > 0),
        ("train_y", np.eye(3)[Y]),
        ("train_y", Y + 1),
        ("train_y", np.array(["cats", "dogs", "birds"])[Y]),
        ("train_y", np.array(["cats", "dogs", "birds"], dtype=object)[Y]),
        ("train_y", 5 * Y),
        ("train_y", Y - 1),
    ],
    ids=lambda value: f"{value.dtype}{value.shape}" if isinstance(value, np.ndarray) else value,
)
def test_what_is_suggested_works(array: str, value: Any) -> None:
    told = refusal(**GOOD | {array: value})
    code = told.rpartition("; ")[2]
    code = code.partition(": ")[2] if ": " in code else code
    code = code.partition("= ")[2] + "[1]" if "names, " in code else code.partition(", and ")[0]
    if code.startswith("transpose"):
        code = f"{array}.{code}"
    mended = eval(code, {"np": np, array: value})
    assert opened(**GOOD | {array: mended}).info().train == 12


@pytest.mark.parametrize(
    "names",
    [
        ("x_train", "y_train", "x_test", "y_test"),
        ("train_images", "train_labels", "test_images", "test_labels"),
        ("X_train", "Y_train", "X_test", "Y_test"),
        ("images", "labels", "test_x", "test_y"),
    ],
)
def test_arrays_of_other_names_are_recognised(names: tuple[str, ...]) -> None:
    arrays = dict(zip(names, (X, Y, X, Y), strict=True))
    told = refusal(**arrays)
    pairs = [pair.split(" to ") for pair in told.partition("; rename ")[2].split(", ")]
    renamed: Callable[[str], str] = lambda name: dict(pairs).get(name, name)  # noqa: E731
    mended = {renamed(name): value for name, value in arrays.items()}
    assert mended.keys() >= GOOD.keys()


def test_arrays_that_are_nothing_known_have_no_hint() -> None:
    assert "rename" not in refusal(a=X, b=Y)


def test_validation_arrays_of_other_names_are_no_parts_and_half_a_part_is_refused() -> None:
    assert "val_y is missing, it holds train_x, train_y, val_x" in refusal(**GOOD, val_x=X)
    assert "rename y_val to val_y" in refusal(**GOOD, val_x=X, y_val=Y)
