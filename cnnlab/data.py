"""What every data set is: facts that need no loading, and its images."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor

from cnnlab import registry
from cnnlab.errors import CnnlabError, ConfigError

Task = Literal["classification", "regression"]


class DataError(CnnlabError):
    """Images are missing, damaged, or not the recorded ones."""


class DamagedData(DataError):
    """The recorded images themselves are at fault, so that every machine that has them meets the same."""


@dataclass(frozen=True)
class Info:
    """The facts of a data set, so that a model can be checked before an image is read.

    shape is (C, H, W); train and test count images; digest identifies the content by 16 hexadecimal digits,
    empty where it has no fixed checksum. For a regression `classes` is 1: a net gives one number. `centred`:
    pixels get mean 0 and deviation 1; else they are only v/255, so that black stays 0 in sparse images.
    `class_counts` are the training images of each class, `class_names` its name; empty where unknown.
    `validation` counts the images of a validation part that the data set has itself, 0 where it has none.
    `labels` are the classes of the training images where they are known without reading pixels, `val_labels`
    those of that validation part. `notes` are sentences that whoever names the data set should read.
    """

    shape: tuple[int, int, int]
    classes: int
    train: int
    test: int
    digest: str = ""
    task: Task = "classification"
    centred: bool = True
    class_counts: tuple[int, ...] = ()
    class_names: tuple[str, ...] = ()
    validation: int = 0
    labels: Tensor | None = field(default=None, compare=False, repr=False)  # (train,) int64
    val_labels: Tensor | None = field(default=None, compare=False, repr=False)  # (validation,) int64
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Images:
    """A loaded data set; all readers share the tensors, so nobody may write to them.

    Targets are classes, int64, or for a regression float32. A wrong shape or type is a DataError here, before
    it can lead to a wrong result.
    """

    train_x: Tensor  # (N, C, H, W) uint8
    train_y: Tensor  # (N,) int64 or float32
    test_x: Tensor  # (M, C, H, W) uint8
    test_y: Tensor  # (M,) as train_y
    val_x: Tensor | None = None  # (V, C, H, W) uint8; None without a validation part of its own
    val_y: Tensor | None = None  # (V,) as train_y

    def __post_init__(self) -> None:
        targets = torch.float32 if self.train_y.is_floating_point() else torch.int64
        for part, (x, y) in self.parts().items():
            _check_part(part, x, y, targets)

    def parts(self) -> dict[str, tuple[Tensor, Tensor]]:
        """Return images and targets by part: train, test, and val where there is one."""
        found = {"train": (self.train_x, self.train_y), "test": (self.test_x, self.test_y)}
        if self.val_x is not None and self.val_y is not None:
            found["val"] = (self.val_x, self.val_y)
        return found


class DataSet(ABC):
    """A file in datasets/ holds one of these.

    `data` is the resolved section of a config: the entry's name and its own hyperparameters. Entries whose
    images are published have none; those that read a user's files have a path. `task`: classes or numbers.
    """

    task: ClassVar[Task] = "classification"

    def complete(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """Return the section, with fields that the content decides filled in; ConfigError if it is wrong."""
        return dict(data)

    @abstractmethod
    def info(self, data: Mapping[str, Any]) -> Info:
        """Return the facts without reading images; DataError if files are needed for that and missing."""

    @abstractmethod
    def load(self, data: Mapping[str, Any]) -> Images:
        """Return the images, the same object while a process trains on them; DataError if it cannot."""


def data_set(data: Mapping[str, Any]) -> DataSet:
    """Return the data set that a resolved section names."""
    found: DataSet = registry.get("datasets", data["name"])()
    return found


def seen(data: Mapping[str, Any]) -> Info:
    """Return the facts from a net's view: images have their size after `resize`.

    ConfigError where a field of the section does not fit the data set; DataError as `info`.
    """
    info = data_set(data).info(data)
    if data["batches"] == "balanced" and info.task == "regression":
        raise ConfigError(
            "data.batches",
            f"must be shuffled: targets of {data['name']} are numbers, not classes; got balanced",
        )
    if data["label_noise"] and info.task == "classification" and info.classes < 2:
        raise ConfigError("data.label_noise", f"must be 0 with a single class; got {data['label_noise']:g}")
    side = data["resize"]
    if side and 1 in info.shape[1:]:
        height, width = info.shape[1:]
        raise ConfigError("data.resize", f"must be 0 where images are {height}×{width}, a series; got {side}")
    return replace(info, shape=(info.shape[0], side, side)) if side else info


def check_images(images: Images, info: Info) -> None:
    """Raise DamagedData unless images are as the facts of their data set say; a plug-in's may not be."""
    parts, verbs = images.parts(), {"train": "train", "val": "validate", "test": "test"}
    for part, count in (("train", info.train), ("val", info.validation), ("test", info.test)):
        got = len(parts[part][1]) if part in parts else 0
        if got != count:
            raise DamagedData(f"the data set must have {count} images to {verbs[part]} on, got {got}")
    if (info.task == "regression") != images.train_y.is_floating_point():
        wanted = "numbers, float32" if info.task == "regression" else "classes, int64"
        raise DamagedData(f"targets must be {wanted}, got {str(images.train_y.dtype).removeprefix('torch.')}")
    for _, y in parts.values() if info.task == "classification" else ():
        if len(y) and not (y.min() >= 0 and y.max() < info.classes):
            raise DamagedData(f"targets must be classes 0 … {info.classes - 1}, got {y.min()} to {y.max()}")


def _check_part(part: str, x: Tensor, y: Tensor, targets: torch.dtype) -> None:
    for name, tensor, dtype, axes in ((f"{part}_x", x, torch.uint8, 4), (f"{part}_y", y, targets, 1)):
        if tensor.dtype != dtype or tensor.ndim != axes:
            raise DataError(
                f"{name} must be {dtype} with {axes} axes, got {tensor.dtype} of shape {tuple(tensor.shape)}"
            )
    if len(x) != len(y):
        raise DataError(f"{part}_x and {part}_y must be equally long, got {len(x)} and {len(y)}")
