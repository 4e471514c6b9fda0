"""Images and targets of a class with __len__ and __getitem__, checked one by one."""

import traceback
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from cnnlab.data import DamagedData, Task
from cnnlab.files.user_folder import MAX_IMAGE_BYTES

MAX_OWN_CHANNELS = 4
MAX_OWN_CLASSES = 10_000
READ_AGAIN = 16  # items of a part, from the first to the last


def read_part(items: Callable[..., Any], arguments: Mapping[str, Any], at: str, task: Task) -> list[Tensor]:
    """Return images uint8 (N, C, H, W) and targets (N,), int64 or float32, of a class's items.

    DamagedData, with file, line and the number of the item, for whatever is not such an item.
    """
    made, count = _made(items, arguments, at)
    if not count:
        raise DamagedData(f"{at}: must have items, got none with {_shown(arguments) or 'no arguments'}")
    images: Tensor | None = None
    targets: list[float] = []
    for number in range(count):
        what = f"{at}: item {number}"
        given, target = _item(made, number, at)
        image = _image(given, what)
        if images is None:
            size = count * image.numel()
            if size > MAX_IMAGE_BYTES:
                raise DamagedData(
                    f"{at}: must have at most {MAX_IMAGE_BYTES:,} bytes of pixels, got {size:,}"
                )
            images = torch.empty(count, *image.shape, dtype=torch.uint8)
        if image.shape != images.shape[1:]:
            raise DamagedData(
                f"{what} must be shaped as item 0, {tuple(images.shape[1:])}; got {tuple(image.shape)}"
            )
        images[number] = image
        targets.append(_target(target, what, task))
    assert images is not None
    return [images, torch.tensor(targets, dtype=_dtype(task))]


def check_again(
    items: Callable[..., Any], arguments: Mapping[str, Any], at: str, task: Task, read: Sequence[Tensor]
) -> None:
    """Read a few items once more, of an object made anew: DamagedData unless they are what was `read`.

    `read` is what read_part returned. A worker reads the data again, and would wait for these for ever.
    """
    images, targets = read
    made, count = _made(items, arguments, at)
    if count != len(images):
        raise DamagedData(
            f"{at}: must have as many items each time it is made; got {len(images)}, then {count}"
        )
    for number in sorted({round(i * (count - 1) / (READ_AGAIN - 1)) for i in range(READ_AGAIN)}):
        what = f"{at}: item {number}"
        given, target = _item(made, number, at)
        image, wanted = _image(given, what), torch.tensor(_target(target, what, task), dtype=_dtype(task))
        for name, was, now in (("image", images[number], image), ("target", targets[number], wanted)):
            if not torch.equal(was, now):
                raise DamagedData(
                    f"{what} must be the same whenever it is read, got another {name} the second time; "
                    "draw random numbers from a generator that is made with a number, as by "
                    "np.random.default_rng(i), and leave random changes to augmentations, as data.flip"
                )


def _made(items: Callable[..., Any], arguments: Mapping[str, Any], at: str) -> tuple[Any, int]:
    """Return an object of the class and the number of its items."""
    made = _called(lambda: items(**arguments), at, f"the constructor ({_shown(arguments)})")
    return made, _called(lambda: len(made), at, "__len__")


def _item(made: Any, number: int, at: str) -> tuple[Any, Any]:
    """Return what the class gives as image and target."""
    item = _called(partial(made.__getitem__, number), at, f"item {number}")
    if not isinstance(item, tuple | list) or len(item) != 2:
        raise DamagedData(f"{at}: item {number} must be a pair, an image and its target; got {_kind(item)}")
    return item[0], item[1]


def _dtype(task: Task) -> torch.dtype:
    return torch.int64 if task == "classification" else torch.float32


def _image(given: Any, what: str) -> Tensor:
    """Return uint8 (C, H, W); channels come last where the last axis has 1, 3 or 4 and the first has not."""
    pixels = given if isinstance(given, Tensor) else torch.from_numpy(np.array(given))
    if pixels.dtype != torch.uint8:
        came = str(pixels.dtype).removeprefix("torch.")
        raise DamagedData(f"{what}: the image must be pixels from 0 to 255, uint8; got {came}")
    if pixels.ndim == 2:
        pixels = pixels[None]
    elif pixels.ndim == 3 and pixels.shape[0] > MAX_OWN_CHANNELS >= pixels.shape[2]:
        pixels = pixels.permute(2, 0, 1)
    if pixels.ndim != 3 or not 1 <= pixels.shape[0] <= MAX_OWN_CHANNELS or not pixels.numel():
        raise DamagedData(
            f"{what}: the image must be shaped (H, W), (H, W, C) or (C, H, W) with 1 to {MAX_OWN_CHANNELS} "
            f"channels; got {tuple(pixels.shape)}"
        )
    return pixels


def _target(given: Any, what: str, task: Task) -> float:
    """Return a class, or for a regression a finite number."""
    value = np.asarray(given)
    if task == "regression":
        if value.size != 1 or value.dtype.kind not in "iuf" or not np.isfinite(value).all():
            raise DamagedData(f"{what}: the target must be a finite number, got {repr(given)[:100]}")
        return float(value.item())
    if value.size != 1 or value.dtype.kind not in "iu" or not 0 <= value.item() < MAX_OWN_CLASSES:
        hint = '; for numbers, give the class task = "regression"' if value.dtype.kind == "f" else ""
        came, most = f"{given!r}"[:100], MAX_OWN_CLASSES - 1
        raise DamagedData(
            f"{what}: the target must be a class, an integer from 0 to {most}; got {came}{hint}"
        )
    return int(value.item())


def _called(function: Callable[[], Any], at: str, what: str) -> Any:
    """Return what user code returns; DamagedData with the line of its file where it raises."""
    try:
        return function()
    except (Exception, SystemExit) as error:  # an exit of the user's code is none of the service
        file = at.partition(",")[0]
        lines = [
            frame
            for frame in traceback.extract_tb(error.__traceback__)
            if frame.filename.endswith(f"/{file}")
        ]
        where = f"{file}, line {lines[-1].lineno}, {lines[-1].name}" if lines else at
        first = next(iter(str(error).splitlines()), "")
        raise DamagedData(f"{where}: {what} failed: {type(error).__name__}: {first}") from error


def _shown(arguments: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={value!r}" for name, value in arguments.items())


def _kind(item: Any) -> str:
    return f"{type(item).__name__} of {len(item)}" if isinstance(item, tuple | list) else type(item).__name__
