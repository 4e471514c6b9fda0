"""What a data set is to the rest of cnnlab: facts known without loading it, and its images."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from cnnlab import registry
from cnnlab.errors import CnnlabError


class DataError(CnnlabError):
    """Images are missing, damaged, or not the ones a result would be compared on."""


@dataclass(frozen=True)
class Info:
    """State what a data set holds, so that a model can be checked before an image is read.

    shape is (C, H, W); train and test count images; digest names the content in 16 hexadecimal digits,
    empty where the content has no fixed checksum.
    """

    shape: tuple[int, int, int]
    classes: int
    train: int
    test: int
    digest: str = ""


@dataclass(frozen=True)
class Images:
    """Hold a loaded data set; every reader shares the tensors, so nobody writes to them.

    A wrong shape or type is a DataError here, before it can become a wrong result.
    """

    train_x: Tensor  # (N, C, H, W) uint8
    train_y: Tensor  # (N,) int64
    test_x: Tensor  # (M, C, H, W) uint8
    test_y: Tensor  # (M,) int64

    def __post_init__(self) -> None:
        _check_part("train", self.train_x, self.train_y)
        _check_part("test", self.test_x, self.test_y)


class DataSet(ABC):
    """A file in datasets/ holds one of these.

    `data` is the resolved section of a config: the entry's name and its own hyperparameters. Entries whose
    images are published have none; those that read a user's files have a path.
    """

    def complete(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """Return the section with what the content decides filled in; ConfigError where it is wrong."""
        return dict(data)

    @abstractmethod
    def info(self, data: Mapping[str, Any]) -> Info:
        """Return the facts, without reading images; DataError if they are needed and not there."""

    @abstractmethod
    def load(self, data: Mapping[str, Any]) -> Images:
        """Return the images, the same object while a process trains on them; DataError in words."""


def data_set(data: Mapping[str, Any]) -> DataSet:
    """Return the data set that a resolved section names."""
    found: DataSet = registry.get("datasets", data["name"])()
    return found


def _check_part(part: str, x: Tensor, y: Tensor) -> None:
    for name, tensor, dtype, axes in ((f"{part}_x", x, torch.uint8, 4), (f"{part}_y", y, torch.int64, 1)):
        if tensor.dtype != dtype or tensor.ndim != axes:
            raise DataError(
                f"{name} must be {dtype} with {axes} axes, got {tensor.dtype} of shape {tuple(tensor.shape)}"
            )
    if len(x) != len(y):
        raise DataError(f"{part}_x and {part}_y must be equally long, got {len(x)} and {len(y)}")
