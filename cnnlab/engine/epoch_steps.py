"""The steps of an epoch as one function: all that differs from one to the next is on the device."""

import torch
from torch import Tensor

from cnnlab.batching.streams import Streams
from cnnlab.engine.array import Array
from cnnlab.engine.epoch_totals import EpochTotals
from cnnlab.engine.recorded import Recorder
from cnnlab.engine.step_traces import StepTraces
from cnnlab.targets import Targets

STEPS = "steps"  # begins the name of a recording of them
STEPS_TOGETHER = 4  # in one recording: a GPU waits for the next launch a fourth as often


class EpochSteps:
    """Trains an array batch by batch on `images` images, and adds up what the batches gave in `totals`.

    The order of the images, the place in it and the number of the epoch are tensors of fixed address, so that
    a recorded step is right for every batch of its size. `advance` never waits for the device: it reads no
    number of it and copies none to it.
    """

    def __init__(self, array: Array, streams: Streams, images: int, recorder: Recorder) -> None:
        self._array, self._streams, self.recorder = array, streams, recorder
        self.traces = StepTraces(array.device, (array, streams))
        self.totals = EpochTotals(len(array), array.device, array.metrics)
        self._order = torch.zeros(images, streams.count, dtype=torch.int64, device=array.device)
        self._place = torch.zeros((), dtype=torch.int64, device=array.device)
        self.epoch = torch.zeros((), dtype=torch.int32, device=array.device)

    def begin(self, epoch: int) -> None:
        """Go to the first batch of an epoch."""
        self._order.copy_(self._streams.order(epoch))
        self._place.zero_()
        self.epoch.fill_(epoch)
        self.totals.reset()

    @property
    def together(self) -> int:
        """Return how many steps are best taken at once: several where one recording can hold them."""
        return STEPS_TOGETHER if self.recorder.records and self._array.repeats else 1

    def advance(self, images: int, steps: int = 1) -> None:
        """Take steps, each on the next so many images; how many are taken at once changes no number."""
        name = STEPS, images, steps
        if not self._array.repeats:
            self._advance(images, steps)
        elif self.recorder.records:
            self.recorder.run(name, lambda: self._advance(images, steps), self._tensors)
        else:
            self.traces.run(name, lambda: self._advance(images, steps))

    def again(self) -> None:
        """Go back to the first batch of this epoch; what was added up stays."""
        self._place.zero_()

    def add_to_population(self, images: int, steps: int = 1) -> None:
        """Count batches in the statistics of normalization, as many and as large as `advance` takes.

        They are recorded batch by batch, as steps are: a recording of all would take the memory of all.
        """
        self.recorder.run(
            ("population", images, steps),
            lambda: self._add_to_population(images, steps),
            lambda: [self._array.buffers, self._place],
        )

    def batch(self, cut: slice) -> tuple[Tensor, Targets]:
        """Return the images and targets of a batch of this epoch once more."""
        return self._streams.batch(self._order[cut], self.epoch)

    def _advance(self, images: int, steps: int) -> None:
        for _ in range(steps):
            self.totals.add(self._array.step(*self._next_batch(images)), images)

    def _add_to_population(self, images: int, steps: int) -> None:
        for _ in range(steps):
            self._array.add_to_population(self._next_batch(images)[0])

    def _next_batch(self, images: int) -> tuple[Tensor, Targets]:
        along = torch.arange(images, device=self._place.device) + self._place
        self._place += images
        return self._streams.batch(self._order.index_select(0, along), self.epoch)

    def _tensors(self) -> list[Tensor]:
        return [*self._array.tensors, *self.totals.tensors, self._place]
