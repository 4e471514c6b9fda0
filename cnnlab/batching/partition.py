"""Which images a trial trains and validates on: a part that is given, a fold or a share; and the fraction."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from cnnlab import rng
from cnnlab.batching import batch_order
from cnnlab.batching.validation_part import kept, source
from cnnlab.data import Info
from cnnlab.files import index_file


def partition(
    targets: Tensor, info: Info, data: Mapping[str, Any], data_seed: int, replicate: int
) -> tuple[Tensor, Tensor]:
    """Return the indices to train and to validate on, int64, ascending, from the targets (N,).

    `data` is the resolved section. Nothing is validated on here where the data set has a part of its own.
    With folds the fold is replicate mod folds. Of what is left data.fraction is trained on, so that all
    fractions are validated on the same images.
    """
    every = torch.arange(len(targets))
    match source(info, data):
        case "own":
            train, validation = every, every[:0]
        case "indices":
            chosen = torch.zeros(len(targets), dtype=torch.bool)
            chosen[index_file.read(data["validation_indices"], len(targets))] = True
            train, validation = every[~chosen], every[chosen]
        case "folds":
            fold = folds(targets, data["folds"], data_seed) == replicate % data["folds"]
            train, validation = every[~fold], every[fold]
        case _:
            train, validation = batch_order.split(targets, data["validation"], data_seed)
    return subset(targets, train, data["fraction"], data_seed), validation


def training_counts(
    targets: Tensor, info: Info, data: Mapping[str, Any], data_seed: int, replicate: int
) -> tuple[int, ...]:
    """Return how many images of each class a trial trains on; all at once where targets are numbers."""
    train, _ = partition(targets, info, data, data_seed, replicate)
    if info.task == "regression":
        return (len(train),)
    return tuple(torch.bincount(targets[train], minlength=info.classes).tolist())


def folds(targets: Tensor, count: int, data_seed: int) -> Tensor:
    """Return the fold of each image, int64 (N,), from 0 to count − 1; float targets are one class.

    The images, class after class and in a random order within each, are dealt out like cards: of every class,
    and of all images, two folds have numbers of images that differ by one at most.
    Source: R. Kohavi, "A study of cross-validation and bootstrap for accuracy estimation" (1995).
    """
    order = rng.permutation(rng.fold(data_seed), rng.SPLIT, 0, len(targets))
    cards = order[_classes(targets)[order].argsort(stable=True)]
    found = torch.empty_like(cards)
    found[cards] = torch.arange(len(targets)) % count
    return found


def subset(targets: Tensor, train: Tensor, fraction: float, data_seed: int) -> Tensor:
    """Return the fraction of the training part's indices that is trained on, of each class, ascending.

    Of a class with n images in the part it is round(fraction·n), at least one: those that come first in an
    order of all images by hashes of data seed and index. So a smaller fraction is part of a larger one.
    """
    if fraction == 1:
        return train
    order = rng.permutation(rng.fold(data_seed), rng.SUBSET, 0, len(targets))
    inside = torch.zeros(len(targets), dtype=torch.bool)
    inside[train] = True
    order = order[inside[order]]
    classes = _classes(targets)[order]
    chosen = [
        members[: kept(len(members), fraction)]
        for label in set(classes.tolist())
        for members in [order[classes == label]]
    ]
    return torch.cat(chosen).sort().values


def _classes(targets: Tensor) -> Tensor:
    return torch.zeros(len(targets), dtype=torch.int64) if targets.is_floating_point() else targets
