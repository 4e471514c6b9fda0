"""The training images as the rows of an array see them: each stream has its own order and augmentations."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Literal

import torch
from torch import Tensor

from cnnlab import registry, rng
from cnnlab.augmentation import Augmentation, Mixture
from cnnlab.batching import batch_order
from cnnlab.batching.mixing import Mixing
from cnnlab.batching.on_device import Part
from cnnlab.errors import CnnlabError
from cnnlab.targets import Targets

# Whether each row has a batch of its own; "if-needed": only where rows cannot share batches.
Mixed = bool | Literal["if-needed"]


class Streams:
    """The streams of K rows: rows of one stream can share batches, rows of several are `mixed`.

    `data` is the resolved section of a config, `trials` are replicate and seed of each row. A stream is a
    function of the data seed, the replicate and, with `stream: trial`, the trial's seed; how it augments an
    image depends also on the epoch and the image's index in the training part. A stream has no state, so a
    trial that continues elsewhere sees the same images. Augmentations are applied in the order of their
    names, a mixture behind all others, and the random numbers of one do not depend on the others. CnnlabError
    where rows cannot share batches and `mixed` is False.
    """

    TAKEN = ("_keys", "_seeds")  # orders are made of them outside of recordings (engine/renewal.py)

    def __init__(
        self,
        part: Part,
        data: Mapping[str, Any],
        batch_size: int,
        data_seed: int,
        trials: Sequence[tuple[int, int]],
        mixed: Mixed,
    ) -> None:
        self._part, self._data, self._batch_size = part, data, batch_size
        self._full_batch = batch_size == len(part)
        own = data["stream"] == "trial"
        keys = [(data_seed, replicate, seed) if own else (data_seed, replicate) for replicate, seed in trials]
        self._keys = sorted(set(keys))
        self._seeds = [rng.fold(*key) for key in self._keys]
        # On the processor, where orders are made: read once and not in each epoch.
        self._classes = part.y.cpu() if data["batches"] == "balanced" else None
        self._column = torch.tensor([self._keys.index(key) for key in keys], device=part.y.device)
        self.mixed = (own or len(self._keys) > 1) if mixed == "if-needed" else mixed
        if own and not self.mixed:
            raise CnnlabError("rows that share batches must have data.stream replicate, got trial")
        if len(self._keys) > 1 and not self.mixed:
            replicates = [key[1] for key in self._keys]
            raise CnnlabError(f"rows that share batches must have one replicate, got {replicates}")
        self._changes: list[tuple[Augmentation, float, Tensor]] = []  # with a seed for each stream
        self._mixture: tuple[Mixture, float, Tensor] | None = None
        for name in registry.names("augmentations"):
            if amount := data.get(name):  # missing if the config was resolved without a plug-in
                seeds = [rng.fold(*key, int.from_bytes(name.encode())) for key in self._keys]
                seed = torch.tensor(seeds, dtype=torch.int32, device=part.y.device)
                entry: Augmentation = registry.get("augmentations", name)()
                if isinstance(entry, Mixture):
                    self._mixture = entry, amount, seed
                else:
                    self._changes.append((entry, amount, seed))

    @property
    def count(self) -> int:
        """Return the number of streams."""
        return len(self._keys)

    def order(self, epoch: int) -> Tensor:
        """Return the order of the images in an epoch, int64 (images, streams) on the device.

        A batch of all images keeps the stored order: another order would be rounded differently.
        """
        if self._full_batch:
            every = torch.arange(len(self._part), device=self._part.y.device)
            return every[:, None].expand(-1, len(self._keys))
        if self._classes is not None:
            orders = [
                batch_order.balanced(self._classes, self._batch_size, seed, epoch) for seed in self._seeds
            ]
        else:
            orders = [batch_order.order(len(self._part), seed, epoch) for seed in self._seeds]
        return torch.stack(orders, 1).to(self._part.y.device)

    def batch(self, index: Tensor, epoch: Tensor) -> tuple[Tensor, Targets]:
        """Return images (N, K, C, H, W) and targets (N, K) of a slice of an order, (N, streams).

        `epoch` is int32 () on the device. Mixed images have two targets each.
        """
        mixing = self._mixing(index, epoch)
        change = None
        if self._changes or mixing:
            change = partial(self._change, index=index, epoch=epoch, mixing=mixing)
        if not self.mixed or (self._full_batch and change is None):
            x, y = self._part.batch(index[:, 0], len(self._column), change)
        else:
            x, y = self._part.batch_per_row(index, self._column, change)
        return x, mixing.targets(self._part.y, index, self._column) if mixing else y

    def _change(self, x: Tensor, index: Tensor, epoch: Tensor, mixing: Mixing | None) -> Tensor:
        """Return images (N·streams, C, H, W) with the augmentations of this epoch."""
        for entry, amount, seed in self._changes:
            x = entry.value(x, self._numbers(entry, seed, index, epoch).flatten(0, 1), amount)
        return mixing.images(x) if mixing else x

    def _mixing(self, index: Tensor, epoch: Tensor) -> Mixing | None:
        """Return how these images are mixed; None where they are not."""
        if self._mixture is None:
            return None
        entry, amount, seed = self._mixture
        return Mixing(entry, amount, self._numbers(entry, seed, index, epoch))

    def _numbers(self, entry: Augmentation, seed: Tensor, index: Tensor, epoch: Tensor) -> Tensor:
        """Return the random numbers of an augmentation, float64 (N, streams, numbers)."""
        each = torch.arange(entry.numbers, device=index.device)
        at = index.T[:, :, None] * entry.numbers + each  # (streams, N, numbers)
        step = epoch.expand(len(self._keys))
        return rng.uniform_at(seed, rng.AUGMENT, step, at.flatten(1).int()).view(at.shape).transpose(0, 1)
