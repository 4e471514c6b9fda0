"""Which images a trial sees, and when: the validation part and the order, both as hashes of indices."""

import torch
from torch import Tensor

from cnnlab import noise


def split(classes: Tensor, validation: float, data_seed: int) -> tuple[Tensor, Tensor]:
    """Return the indices for training and for validation, each rising, from the classes int64 (N,).

    The validation part has the share `validation` of every class, rounded to whole images: those whose
    index comes first in a random order that depends on the data seed alone.
    """
    order = noise.permutation(noise.fold(data_seed), noise.SPLIT, 0, len(classes))
    chosen = torch.zeros(len(classes), dtype=torch.bool)
    for label in set(classes.tolist()):
        members = order[classes[order] == label]
        chosen[members[: round(validation * len(members))]] = True
    return (~chosen).nonzero()[:, 0], chosen.nonzero()[:, 0]


def order(images: int, data_seed: int, replicate: int, epoch: int) -> Tensor:
    """Return the order of an epoch, int64 (images,): the same for all trials of one replicate."""
    return noise.permutation(noise.fold(data_seed, replicate), noise.ORDER, epoch, images)


def size(batch_size: int | str, images: int) -> int:
    """Return the images of a step: `full` means all."""
    return images if batch_size == "full" else min(int(batch_size), images)


def cuts(images: int, batch_size: int) -> list[slice]:
    """Return the batches of an epoch as slices of its order; the last may be short.

    A single image left over joins the batch before it: alone it has no variance to normalize by.
    """
    starts = list(range(0, images, batch_size))
    if batch_size > 1 and len(starts) > 1 and images - starts[-1] == 1:
        starts.pop()
    return [slice(a, b) for a, b in zip(starts, [*starts[1:], images], strict=True)]
