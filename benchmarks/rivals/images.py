"""The images of a task as files: one for the service, and the same, split in the same way, for the rivals."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmarks.rivals.task import VALIDATION, Task
from cnnlab import resolve
from cnnlab.batching.batch_order import split
from cnnlab.data import Images, data_set


def write(task: Task, data: str, folder: Path, seed: int) -> str:
    """Write both files; returns the name of the service's, beside which the rivals' is `split-SEED-…`."""
    images = _load(data)
    classes = [(images.train_y == c).nonzero()[: task.per_class, 0] for c in images.train_y.unique()]
    if any(len(members) < task.per_class for members in classes):
        raise SystemExit(f"{data} must have {task.per_class} training images of each class; choose --data")
    chosen = torch.cat(classes).sort().values
    x, y = images.train_x[chosen], images.train_y[chosen]
    name = f"{task.net}-{task.per_class}.npz"
    if not (folder / name).exists():  # its digest must not change while a service uses it
        np.savez(folder / name, train_x=x.permute(0, 2, 3, 1).numpy(), train_y=y.numpy())
    _write(x, y, VALIDATION, seed, folder / f"split-{seed}-{name}")
    return name


def write_split(data: Mapping[str, Any], validation: float, seed: int, file: Path) -> None:
    """Write the rivals' file of all training images of a data section."""
    images = _load(data)
    _write(images.train_x, images.train_y, validation, seed, file)


def _load(data: str | Mapping[str, Any]) -> Images:
    section = resolve({"model": "mlp", "data": data})["data"]
    return data_set(section).load(section)


def _write(x: Tensor, y: Tensor, validation: float, seed: int, file: Path) -> None:
    """Split images and write what the rivals read.

    train_x, val_x uint8 (N, C, H, W), train_y, val_y int64, and mean and std of the pixels in 0 … 1 over the
    training part.
    """
    train, val = split(y, validation, seed)
    pixels = x[train].double() / 255
    np.savez(
        file,
        train_x=x[train].numpy(), train_y=y[train].numpy(),
        val_x=x[val].numpy(), val_y=y[val].numpy(),
        mean=pixels.mean().item(), std=pixels.std(correction=0).item(),
    )  # fmt: skip
