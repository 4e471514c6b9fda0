"""The steps of an epoch as one function: all that differs from one to the next is on the device."""

import torch
from torch import Tensor

from cnnlab.batching.streams import Streams
from cnnlab.engine.array import Array
from cnnlab.engine.epoch_totals import EpochTotals
from cnnlab.engine.recorded import Recorder

STEPS_TOGETHER = 4  # in one recording: a GPU waits for the next launch a fourth as often


class EpochSteps:
    """Trains an array batch by batch on `images` images, and adds up what the batches gave in `totals`.

    The order of the images, the place in it and the number of the epoch are tensors of fixed address, so that
    a recorded step is right for every batch of its size. `advance` never waits for the device: it reads no
    number of it and copies none to it.
    """

    def __init__(self, array: Array, streams: Streams, images: int, recorder: Recorder) -> None:
        self._array, self._streams, self.recorder = array, streams, recorder
        self.totals = EpochTotals(len(array), array.device, array.metrics)
        self._order = torch.zeros(images, streams.count, dtype=torch.int64, device=array.device)
        self._place = torch.zeros((), dtype=torch.int64, device=array.device)
        self._epoch = torch.zeros((), dtype=torch.int32, device=array.device)

    def begin(self, epoch: int) -> None:
        """Go to the first batch of an epoch."""
        self._order.copy_(self._streams.order(epoch))
        self._place.zero_()
        self._epoch.fill_(epoch)
        self.totals.reset()

    @property
    def together(self) -> int:
        """Return how many steps are best taken at once: several where one recording can hold them."""
        return STEPS_TOGETHER if self.recorder.records and self._array.repeats else 1

    def advance(self, images: int, steps: int = 1) -> None:
        """Take steps, each on the next so many images; how many are taken at once changes no number."""
        if self._array.repeats:
            self.recorder.run(("steps", images, steps), lambda: self._advance(images, steps), self._tensors)
        else:
            self._advance(images, steps)

    def batch(self, cut: slice) -> tuple[Tensor, Tensor]:
        """Return the images and targets of a batch of this epoch once more."""
        return self._streams.batch(self._order[cut], self._epoch)

    def _advance(self, images: int, steps: int) -> None:
        for _ in range(steps):
            along = torch.arange(images, device=self._place.device) + self._place
            x, y = self._streams.batch(self._order.index_select(0, along), self._epoch)
            self.totals.add(self._array.step(x, y), images)
            self._place += images

    def _tensors(self) -> list[Tensor]:
        return [*self._array.tensors, *self.totals.tensors, self._place]
