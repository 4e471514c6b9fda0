"""How fast a plain loop of torch trains one trial: the baseline for many trials side by side."""

import time
from collections.abc import Callable

import torch

from cnnlab import registry
from cnnlab.batching import batch_order
from cnnlab.fit import Fit, Row
from cnnlab.kernels import library

MAX_SECONDS = 1.0  # after the first step began, no step begins but the first that is timed


def comparable(row: Row) -> bool:
    """Whether a step of this trial evaluates its batch once, so that its speed is that of its neighbours."""
    optimizer = registry.get("optimizers", row.config["train"]["optimizer"]["name"])
    return not optimizer.full_batch and optimizer.max_parameters is None


def plain_images_per_s(row: Row, device: str = "cpu", steps: int = 8) -> float:
    """Return the images per second of a plain loop: this trial's net alone, and nothing of the engine.

    The layers run by torch's operations, one after the other, and SGD with momentum takes the step as
    `torch.optim` does it, whose import would cost more than the steps; there are no penalties, no schedules
    and no metrics. Two steps run before the clock starts, one if they are large; of those that are timed, all
    but one begin within a second of the first step. Every step uses the first batch of the training part, at
    a rate of 0, so that nothing diverges. Seconds are those of `work_clock`.
    """
    one = Fit([row], device)
    array, size = one.array, batch_order.size(row.config["train"]["batch_size"], len(one.data.train))
    parameters = [torch.nn.Parameter(part.clone()) for part in array.net.views(array.theta)]
    momentum = [torch.zeros_like(own) for own in parameters]

    def step() -> None:
        x, y = one.data.train.batch(slice(0, size), 1)
        with array.precision.rounds(array.device):
            total = array.whole.forward(parameters, array.buffers, x, y, 0).total.sum()
            gradients = torch.autograd.grad(total, parameters)
        with torch.no_grad():
            for own, moved, gradient in zip(parameters, momentum, gradients, strict=True):
                own.add_(moved.mul_(0.9).add_(gradient), alpha=-0.0)

    clock, done = work_clock(device), 0
    with library.torch_alone():
        began = clock()
        step()
        _finish(device)
        if clock() - began < MAX_SECONDS / 4:
            step()
            _finish(device)
        start = clock()
        while done < steps and (not done or clock() - began < MAX_SECONDS):
            step()
            done += 1
        _finish(device)
        return done * size / (clock() - start)


def work_clock(device: str) -> Callable[[], float]:
    """Return the clock, in seconds, that other programs affect least.

    On a CPU it counts the processor time of this process, on an accelerator the time that passes.
    """
    return time.process_time if torch.device(device).type == "cpu" else time.perf_counter


def _finish(device: str) -> None:
    """Wait for work that an accelerator has only queued."""
    if torch.device(device).type == "cuda":
        torch.cuda.synchronize(device)
