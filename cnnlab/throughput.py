"""How fast one trial trains alone: the baseline for many trials side by side."""

import time
from collections.abc import Callable

import torch

from cnnlab import registry
from cnnlab.batching import batch_order
from cnnlab.fit import Fit, Row

MAX_TIMED_IMAGES = 10_000  # so that a measurement takes less time than an epoch


def comparable(row: Row) -> bool:
    """Whether a step of this trial evaluates its batch once, so that its speed is that of its neighbours."""
    optimizer = registry.get("optimizers", row.config["train"]["optimizer"]["name"])
    return not optimizer.full_batch and optimizer.max_parameters is None


def solo_images_per_s(row: Row, device: str = "cpu", steps: int = 8) -> float:
    """Return the images per second of a trial that has an array to itself, over a few steps.

    Two steps run before the clock starts; with large batches it is one, and fewer are timed. Every step uses
    the first batch of the training part. Nothing is kept. Seconds are those of `work_clock`.
    """
    one = Fit([row], device)
    size = batch_order.size(row.config["train"]["batch_size"], len(one.data.train))
    x, y = one.data.train.batch(slice(0, size), 1)
    large = size * steps > MAX_TIMED_IMAGES
    for _ in range(1 if large else 2):
        one.array.step(x, y)
    _finish(device)
    steps = max(1, min(steps, MAX_TIMED_IMAGES // size))
    clock = work_clock(device)
    start = clock()
    for _ in range(steps):
        one.array.step(x, y)
    _finish(device)
    return steps * size / (clock() - start)


def work_clock(device: str) -> Callable[[], float]:
    """Return the clock, in seconds, that other programs affect least.

    On a CPU it counts the processor time of this process, on an accelerator the time that passes.
    """
    return time.process_time if torch.device(device).type == "cpu" else time.perf_counter


def _finish(device: str) -> None:
    """Wait for work that an accelerator has only queued."""
    if torch.device(device).type == "cuda":
        torch.cuda.synchronize(device)
