"""How many images are held out to validate on: a share of every class, or the share is refused."""

from collections.abc import Sequence
from dataclasses import replace
from math import ceil, floor, log10

import torch
from torch import Tensor

from cnnlab.data import Info
from cnnlab.errors import ConfigError

MAX_SHOWN_CLASSES = 5  # of those that are too small


def held_out(images: int, share: float) -> int:
    """Return how many of a class's images are validated on: n = round(share·images), but 1 ≤ n < images.

    None of them where the share is 0, and none where the class has one image only.
    """
    return min(max(1, round(share * images)), images - 1) if share and images else 0


def training_images(info: Info, share: float) -> int:
    """Return how many images are left to train on; of classes of unknown size, as if all were one."""
    return sum(training_counts(info, share))


def training_counts(info: Info, share: float) -> tuple[int, ...]:
    """Return the same class by class; all at once where they have no classes or none of known size."""
    counts = info.class_counts if info.task == "classification" else ()
    return tuple(count - held_out(count, share) for count in counts or (info.train,))


def check(info: Info, share: float) -> None:
    """Raise ConfigError where a class would be in one part only, or the share is too small for them all.

    The smallest share is that of half an image a class: each gets one all the same, but the part must not
    have more than about twice as many images as were asked for.
    """
    if not info.train:
        raise ConfigError("data", "the data set has no images to train on")
    if not share:
        return
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
        each = f"each of the {info.classes} classes" if info.task == "classification" else "it"
        raise ConfigError(
            "data.validation",
            f"must be {wanted}: {each} needs an image in the validation part; "
            f"got {share:g} of {info.train} images",
        )


def counted(info: Info, targets: Tensor) -> Info:
    """Return the facts with the number of images of each class, if there are classes, from the targets."""
    if info.task == "regression":
        return info
    return replace(info, class_counts=tuple(torch.bincount(targets, minlength=info.classes).tolist()))


def _named(labels: Sequence[int], info: Info) -> str:
    if info.task == "regression":
        return "the data set has"
    shown = [repr(info.class_names[label]) if info.class_names else str(label) for label in labels]
    more = f" and {len(shown) - MAX_SHOWN_CLASSES} more" if len(shown) > MAX_SHOWN_CLASSES else ""
    names = ", ".join(shown[:MAX_SHOWN_CLASSES]) + more
    return f"the classes {names} have" if len(labels) > 1 else f"the class {names} has"


def _rounded_up(share: float) -> float:
    """Return a share with two digits, none smaller: 0.000833 gives 0.00084."""
    unit = 10.0 ** (floor(log10(share)) - 1)
    return ceil(round(share / unit, 6)) * unit
