"""Where the validation part comes from and how large it is, or why it cannot be: before any image is read."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import ceil, floor, log10
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor

from cnnlab.data import DataError, Info
from cnnlab.errors import ConfigError
from cnnlab.files import index_file

Source = Literal["own", "indices", "folds", "share", ""]
MAX_SHOWN_CLASSES = 5  # of those that are too small


class Sizes(NamedTuple):
    """How many images are trained and validated on.

    With folds, `val` are the images of all folds, over which their mean is, and `train` what fold 0 leaves.
    """

    train: int
    val: int


def source(info: Info, data: Mapping[str, Any]) -> Source:
    """Return where the validation part comes from; empty where nothing is validated on.

    A part that the data set has, or a file of indices, comes before folds, and these before a share.
    """
    if info.validation:
        return "own"
    if "validation_indices" in data:
        return "indices"
    if data["folds"]:
        return "folds"
    return "share" if data["validation"] else ""


def held_out(images: int, share: float) -> int:
    """Return how many of a class's images are validated on: n = round(share·images), but 1 ≤ n < images.

    None of them where the share is 0, and none where the class has one image only.
    """
    return min(max(1, round(share * images)), images - 1) if share and images else 0


def kept(images: int, fraction: float) -> int:
    """Return how many of a class's images are trained on: round(fraction·images), at least one."""
    return max(1, round(fraction * images)) if images else 0


def sizes(info: Info, data: Mapping[str, Any]) -> Sizes:
    """Return the sizes of the parts; classes of unknown sizes count as one class."""
    counts: Sequence[int] = _counts(info) or (info.train,)
    match source(info, data):
        case "own":
            held = [0] * len(counts)
        case "indices":
            indices = index_file.read(data["validation_indices"], info.train)
            if info.labels is None or not _counts(info):
                counts, held = (info.train,), [len(indices)]
            else:
                held = torch.bincount(info.labels[indices], minlength=len(counts)).tolist()
        case "folds":
            held = _first_fold(counts, data["folds"])
        case _:
            held = [held_out(count, data["validation"]) for count in counts]
    left = [count - part for count, part in zip(counts, held, strict=True)]
    train = sum(kept(count, data["fraction"]) for count in left)
    every = sum(counts) if source(info, data) == "folds" else sum(held)
    return Sizes(train, info.validation or every)


def _counts(info: Info) -> tuple[int, ...]:
    return info.class_counts if info.task == "classification" else ()


def _first_fold(counts: Sequence[int], folds: int) -> list[int]:
    """Return how many images of each class fold 0 has, where classes are dealt out one after the other."""
    found, start = [], 0
    for count in counts:
        found.append(-(-(start + count) // folds) - -(-start // folds))
        start += count
    return found


def check(info: Info, data: Mapping[str, Any]) -> None:
    """Raise ConfigError where a class would be in one part only, or fields of the section clash."""
    if not info.train:
        raise ConfigError("data", "the data set has no images to train on")
    match source(info, data):
        case "own":
            _check_alone(data, f"the data set has a validation part of its own, {info.validation:,} images")
        case "indices":
            _check_alone(data, "data.validation_indices names the validation part", indices=True)
            _check_indices(info, data["validation_indices"])
        case "folds":
            _check_folds(info, data)
        case "share":
            _check_share(info, data["validation"])
    least = info.classes / info.train / 2
    if data["fraction"] < least:
        raise ConfigError(
            "data.fraction",
            f"must be at least {_rounded_up(least):g}: {_each(info)} needs an image to train on; "
            f"got {data['fraction']:g} of {info.train} images",
        )


def notes(info: Info, data: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what a user should read about the validation part, where it is not a share of the images."""
    ignored = "; data.validation says nothing here"
    match source(info, data):
        case "own":
            used = f"validated on the {info.validation:,} images of the data set's own part{ignored}"
            return (used, *_without_validation(info, info.val_labels))
        case "indices":
            file = data["validation_indices"]
            indices = index_file.read(file, info.train)
            used = f"validated on the {len(indices):,} training images that {file['path']} names{ignored}"
            return (used, *_without_validation(info, None if info.labels is None else info.labels[indices]))
        case "folds":
            size = round(info.train / data["folds"])
            return (f"validated in {data['folds']} folds of about {size:,} images{ignored}",)
        case _:
            return ()


def _without_validation(info: Info, labels: Tensor | None) -> list[str]:
    """Return a sentence that names the classes of which no image is validated on; `labels` are those of all.

    It is no refusal: a part may be made so on purpose, and measures the other classes.
    """
    if labels is None or info.task == "regression":
        return []
    counts = torch.bincount(labels, minlength=info.classes).tolist()
    absent = [label for label, count in enumerate(counts) if not count]
    return [f"the validation part has no image of {_classes(absent, info)}"] if absent else []


def _check_alone(data: Mapping[str, Any], why: str, *, indices: bool = False) -> None:
    """Refuse other ways to a validation part beside one that is given."""
    if data["folds"]:
        raise ConfigError("data.folds", f"must be 0: {why}; got {data['folds']}")
    if not indices and "validation_indices" in data:
        got = data["validation_indices"]["path"]
        raise ConfigError("data.validation_indices", f"must be left out: {why}; got {got}")


def _check_indices(info: Info, file: Mapping[str, str]) -> None:
    try:
        indices = index_file.read(file, info.train)
    except DataError as error:
        raise ConfigError("data.validation_indices", str(error)) from None
    if info.task == "regression" or info.labels is None:
        return
    held = torch.bincount(info.labels[indices], minlength=info.classes).tolist()
    total = torch.bincount(info.labels, minlength=info.classes).tolist()
    if only := [label for label, count in enumerate(total) if count == held[label]]:
        raise ConfigError(
            "data.validation_indices",
            f"{file['path']} must leave images of each class to train on, but has all of "
            f"{_classes(only, info)}",
        )


def _check_folds(info: Info, data: Mapping[str, Any]) -> None:
    folds = data["folds"]
    if data["stream"] == "trial":
        raise ConfigError("data.stream", f"must be replicate with data.folds {folds}, got trial")
    counts = _counts(info) if info.task == "classification" else (info.train,)
    small = [label for label, count in enumerate(counts) if count < folds]
    if small:
        most = min(counts)
        works = f"0 or at most {most}" if most > 1 else "0"
        raise ConfigError(
            "data.folds",
            f"must be {works}: every fold needs an image of each class, and {_named(small, info)} "
            f"{'at least ' if len(small) > 1 else ''}{most}; got {folds}",
        )


def _check_share(info: Info, share: float) -> None:
    """Refuse a share that is too small for all classes, and classes of one image.

    The smallest share is that of half an image a class: each gets one all the same, but the part must not
    have more than about twice as many images as were asked for.
    """
    counts = info.class_counts if info.task == "classification" else (info.train,)
    if single := [label for label, count in enumerate(counts) if count == 1]:
        raise ConfigError(
            "data.validation",
            f"must be 0: {_named(single, info)} a single image{' each' if len(single) > 1 else ''}, which "
            f"cannot be both trained and validated on; add images or leave the class out; got {share:g}",
        )
    least = info.classes / info.train / 2
    if share < least:
        works = _rounded_up(least)
        wanted = f"0 or at least {works:g}" if works <= 0.5 else "0"
        raise ConfigError(
            "data.validation",
            f"must be {wanted}: {_each(info)} needs an image in the validation part; "
            f"got {share:g} of {info.train} images",
        )


def counted(info: Info, targets: Tensor) -> Info:
    """Return the facts with the classes of the training images, if there are classes, from the targets."""
    if info.task == "regression":
        return info
    counts = torch.bincount(targets, minlength=info.classes).tolist()
    return replace(info, class_counts=tuple(counts), labels=targets)


def _each(info: Info) -> str:
    return f"each of the {info.classes} classes" if info.task == "classification" else "it"


def _named(labels: Sequence[int], info: Info) -> str:
    if info.task == "regression":
        return "the data set has"
    return f"{_classes(labels, info)} {'have' if len(labels) > 1 else 'has'}"


def _classes(labels: Sequence[int], info: Info) -> str:
    shown = [repr(info.class_names[label]) if info.class_names else str(label) for label in labels]
    more = f" and {len(shown) - MAX_SHOWN_CLASSES} more" if len(shown) > MAX_SHOWN_CLASSES else ""
    names = ", ".join(shown[:MAX_SHOWN_CLASSES]) + more
    return f"the classes {names}" if len(labels) > 1 else f"the class {names}"


def _rounded_up(share: float) -> float:
    """Return a share with two digits, none smaller: 0.000833 gives 0.00084."""
    unit = 10.0 ** (floor(log10(share)) - 1)
    return ceil(round(share / unit, 6)) * unit
