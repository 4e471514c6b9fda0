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
from cnnlab.own.item_reader import check_again, read_part
from cnnlab.own.signature import hypers_of, place

GIVEN = ("train",)
GET_ITEM = "__getitem__"
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
        """Read the data, some items twice, and fill in their digest."""
        if data["sha256"]:
            return dict(data)
        try:
            _, digest = self._read(data)
            _check_again(type(self), self._arguments(data), digest)
            return {**data, "sha256": digest}
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
                f"{data['sha256']}: restore what the class reads, or submit again, without data.sha256 if it "
                "is in the spec; the items must be the same in every process"
            )
        return images

    def _read(self, data: Mapping[str, Any]) -> tuple[Images, str]:
        return _images(type(self), self._arguments(data))

    def _arguments(self, data: Mapping[str, Any]) -> str:
        own = {name: data[name] for name in declared(type(self)) if name != "sha256"}
        return json.dumps(own, sort_keys=True)


@lru_cache(maxsize=4)
def _images(entry: type[OwnData], hypers: str) -> tuple[Images, str]:
    """Return the images of a data set and their digest, read once per process."""
    items = entry.items
    tensors: list[Tensor] = []
    for arguments in _calls(items, hypers):
        tensors += read_part(items, arguments, place_of(items), entry.task)
    if len(tensors) == 2:
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


@lru_cache(maxsize=1024)
def _check_again(entry: type[OwnData], hypers: str, digest: str) -> None:
    """Refuse data that are others at a second reading, once per process and `digest`."""
    images, _ = _images(entry, hypers)
    read = [(images.train_x, images.train_y), (images.test_x, images.test_y)]
    for arguments, part in zip(_calls(entry.items, hypers), read, strict=False):  # without parts for tests
        check_again(entry.items, arguments, _place_of_items(entry.items), entry.task, part)


def _calls(items: type, hypers: str) -> list[dict[str, Any]]:
    """Return the arguments of each part: training, and, where the constructor takes `train`, tests."""
    arguments = json.loads(hypers)
    if "train" not in inspect.signature(items).parameters:
        return [arguments]
    return [{**arguments, "train": train} for train in (True, False)]


def _class_names(items: type, classes: int) -> tuple[str, ...]:
    names = tuple(getattr(items, "class_names", ()))
    if names and (len(names) != classes or not all(isinstance(name, str) for name in names)):
        raise DataError(
            f"{place_of(items)}: class_names must be {classes} texts, one for each class; got {names!r}"
        )
    return names


def place_of(items: type) -> str:
    """Return where a class is written: `datasets/digits.py, line 9, Digits`, the line of a method."""
    own = [vars(items)[name] for name in ("__init__", GET_ITEM, "__len__") if name in vars(items)]
    return place(next(iter(own), items), items.__qualname__)


def _place_of_items(items: type) -> str:
    """Return where items are made: `datasets/digits.py, line 16, Digits.__getitem__`."""
    method: Any = getattr(items, GET_ITEM)
    return place(method, method.__qualname__) if inspect.isfunction(method) else place_of(items)


def own_data(items: C) -> C:
    """Register a class with __len__ and __getitem__ as a data set, under its file's name.

    An item is an image, uint8 (H, W), (H, W, C) or (C, H, W) as tensor, array or Pillow image, and a target,
    a class, or a number where the decorated class says `task = "regression"`. The arguments of the
    constructor are hyperparameters, annotated with their range; it gets `train` (True, False) where it takes
    that, and then there are images to test on. `class_names` may name the classes. RegistryError for
    anything else.
    """
    at = place_of(items)
    for method in ("__len__", GET_ITEM):
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
