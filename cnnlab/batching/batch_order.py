"""Which images a trial sees, and when: validation part and order, both from hashes of indices."""

from collections.abc import Iterator, Sequence
from itertools import groupby

import torch
from torch import Tensor

from cnnlab import rng
from cnnlab.batching.validation_part import held_out


def split(targets: Tensor, validation: float, data_seed: int) -> tuple[Tensor, Tensor]:
    """Return the indices for training and for validation, each ascending, from the targets (N,).

    The validation part has the fraction `validation` of every class, int64, rounded to whole images, at least
    one and never all: those that come first in a random order, which depends only on the data seed. Float
    targets count as one class.
    """
    order = rng.permutation(rng.fold(data_seed), rng.SPLIT, 0, len(targets))
    classes = torch.zeros_like(order) if targets.is_floating_point() else targets
    chosen = torch.zeros(len(classes), dtype=torch.bool)
    for label in set(classes.tolist()):
        members = order[classes[order] == label]
        chosen[members[: held_out(len(members), validation)]] = True
    return (~chosen).nonzero()[:, 0], chosen.nonzero()[:, 0]


def order(images: int, stream: int, epoch: int) -> Tensor:
    """Return the order of an epoch, int64 (images,): the same for all trials with the stream's seed."""
    return rng.permutation(stream, rng.ORDER, epoch, images)


def balanced(classes: Tensor, batch_size: int, stream: int, epoch: int) -> Tensor:
    """Return an order of an epoch, int64 (N,), whose batches hold every class in proportion.

    classes are int64 (N,). Of a class with n of the N images, a batch of B has n·B/N, rounded down or up: the
    images are sorted by class and dealt out like cards, one to each batch in turn; the last batch, which has
    another size, gets one whenever its share is due. The order within a class, the start of the dealing, the
    order of the batches and the order in a batch are random, so that an image may come at any time.
    """
    images = len(classes)
    shuffled = order(images, stream, epoch)
    cards = classes[shuffled].argsort(stable=True)  # indices into `shuffled`, class after class
    *full, last = [cut.stop - cut.start for cut in cuts(images, batch_size)]
    at = torch.arange(images)
    due = (at + 1) * last // images > at * last // images  # spread as evenly as can be: `last` of them
    turns = rng.permutation(stream, rng.BATCHES, epoch, len(full))
    batch = torch.full_like(at, len(full))
    batch[~due] = turns.repeat(full[0] if full else 0)
    batch = batch.roll(rng.fold(stream, epoch) % images)  # begin anywhere: the dealing is circular
    own = torch.empty_like(batch)
    own[cards] = batch
    return shuffled[own.argsort(stable=True)]


def size(batch_size: int | str, images: int, batches: int = 1) -> int:
    """Return the number of images in a step, of so many batches: `full` means all."""
    return images if batch_size == "full" else min(int(batch_size) * batches, images)


def cuts(images: int, batch_size: int) -> list[slice]:
    """Return the batches of an epoch as slices of its order; the last may be short.

    A single image left over joins the batch before it, because one image has no variance to normalize by.
    """
    starts = list(range(0, images, batch_size))
    if batch_size > 1 and len(starts) > 1 and images - starts[-1] == 1:
        starts.pop()
    return [slice(a, b) for a, b in zip(starts, [*starts[1:], images], strict=True)]


def together(batches: Sequence[slice], most: int) -> Iterator[tuple[int, int]]:
    """Iterate over the batches of an epoch: the images of each of some, and of how many batches in a row.

    They are `most` equal ones at once, and what is left over one by one.
    """
    sizes = [cut.stop - cut.start for cut in batches]
    for size, run in groupby(sizes):
        groups, alone = divmod(len(list(run)), most)
        yield from [(size, most)] * groups
        yield from [(size, 1)] * alone
