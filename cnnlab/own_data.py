"""One's own data set: a class with __len__ and __getitem__ under a decorator, read once."""

import inspect
import json
from collections.abc import Mapping
from functools import lru_cache
from hashlib import sha256
from typing import Any, ClassVar, TypeVar

import torch
from torch import Tensor

from cnnlab import registry
from cnnlab.data import DataError, DataSet, Images, Info, Task
from cnnlab.errors import ConfigError, RegistryError
from cnnlab.files.user_folder import SHA256
from cnnlab.hyper import declared
from cnnlab.own.item_reader import read_part
from cnnlab.own.signature import hypers_of, place

GIVEN = ("train",)
C = TypeVar("C", bound=type)


class OwnData(DataSet):
    """A data set whose images a class gives one by one, as a torch Dataset does.

    `sha256` is that of all images and targets; left out, it is filled in at submit, and a worker on which the
    class gives others refuses them.
    Source: torch.utils.data.Dataset.
    """

    sha256: ClassVar = SHA256
    items: type

    def complete(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """Read the data, and fill in their digest."""
        if data["sha256"]:
            return dict(data)
        try:
            return {**data, "sha256": self._read(data)[1]}
        except DataError as error:
            raise ConfigError("data", str(error)) from error

    def info(self, data: Mapping[str, Any]) -> Info:
        """Return shapes and counts of the data as they were read."""
        images = self.load(data)
        numbers = images.train_y.is_floating_point()
        classes = 1 if numbers else int(torch.cat([images.train_y, images.test_y]).max()) + 1
        counts = () if numbers else torch.bincount(images.train_y, minlength=classes).tolist()
        if 0 in counts:
            raise DataError(
                f"{place_of(self.items)}: classes must be 0 … {classes - 1}, each with an image to train on; "
                f"class {counts.index(0)} has none"
            )
        shape = tuple(images.train_x.shape[1:])
        return Info(
            (shape[0], shape[1], shape[2]),
            classes,
            len(images.train_x),
            len(images.test_x),
            task=self.task,
            class_counts=tuple(counts),
            class_names=_class_names(self.items, classes),
        )

    def load(self, data: Mapping[str, Any]) -> Images:
        """Return the images, exactly those that `sha256` names."""
        images, digest = self._read(data)
        if data["sha256"] and data["sha256"] != digest:
            raise DataError(
                f"{place_of(self.items)}: the data have SHA-256 {digest}, but the sweep was planned with "
                f"{data['sha256']}: restore what the class reads, or submit again without sha256"
            )
        return images

    def _read(self, data: Mapping[str, Any]) -> tuple[Images, str]:
        own = {name: data[name] for name in declared(type(self)) if name != "sha256"}
        return _images(type(self), json.dumps(own, sort_keys=True))


@lru_cache(maxsize=4)
def _images(entry: type[OwnData], hypers: str) -> tuple[Images, str]:
    """Return the images of a data set and their digest, read once per process."""
    items, arguments = entry.items, json.loads(hypers)
    parts = (True, False) if "train" in inspect.signature(items).parameters else (True,)
    tensors: list[Tensor] = []
    for train in parts:
        given = {"train": train} if len(parts) == 2 else {}
        tensors += read_part(items, {**arguments, **given}, place_of(items), entry.task)
    if len(parts) == 1:
        tensors += [tensors[0][:0], tensors[1][:0]]
    if tensors[0].shape[1:] != tensors[2].shape[1:] and len(tensors[2]):
        raise DataError(
            f"{place_of(items)}: images to test on must be shaped as those to train on, "
            f"{tuple(tensors[0].shape[1:])}; got {tuple(tensors[2].shape[1:])}"
        )
    images = Images(*tensors)
    digest = sha256()
    for tensor in tensors:
        digest.update(f"{tuple(tensor.shape)} {tensor.dtype}\n".encode())
        digest.update(tensor.numpy().tobytes())
    return images, digest.hexdigest()


def _class_names(items: type, classes: int) -> tuple[str, ...]:
    names = tuple(getattr(items, "class_names", ()))
    if names and (len(names) != classes or not all(isinstance(name, str) for name in names)):
        raise DataError(
            f"{place_of(items)}: class_names must be {classes} texts, one for each class; got {names!r}"
        )
    return names


def place_of(items: type) -> str:
    """Return where a class is written: `datasets/digits.py, line 9, Digits`."""
    return place(vars(items).get("__init__", items), items.__qualname__)


def own_data(items: C) -> C:
    """Register a class with __len__ and __getitem__ as a data set, under its file's name.

    An item is an image, uint8 (H, W), (H, W, C) or (C, H, W) as tensor, array or Pillow image, and a target,
    a class, or a number where the decorated class says `task = "regression"`. The arguments of the
    constructor are hyperparameters, annotated with their range; it gets `train` (True, False) where it takes
    that, and then there are images to test on. `class_names` may name the classes. RegistryError for
    anything else.
    """
    at = place_of(items)
    for method in ("__len__", "__getitem__"):
        if not callable(getattr(items, method, None)):
            raise RegistryError(f"{at}: must have {method}, as a torch Dataset has; got none")
    task: Task = getattr(items, "task", "classification")
    if task not in ("classification", "regression"):
        raise RegistryError(f"{at}: task must be classification or regression, got {task!r}")
    takes = hypers_of(vars(items)["__init__"], GIVEN, items.__qualname__) if "__init__" in vars(items) else {}
    doc = inspect.getdoc(items) or f"The images of {at}."
    fields = {"items": items, "task": task, "__module__": items.__module__, "__doc__": doc}
    registry.register(type(items.__name__, (OwnData,), {**fields, **takes}))
    return items
