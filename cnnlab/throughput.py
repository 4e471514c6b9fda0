"""How fast a plain loop of torch trains one trial: what a sweep's price is compared with."""

import time
from collections.abc import Callable

import torch

from cnnlab import registry
from cnnlab.batching.on_device import Part
from cnnlab.engine.net import Net
from cnnlab.fit import Row
from cnnlab.plain_loop import PlainLoop

MAX_SECONDS = 1.0  # after the first step began, no step begins but the first that is timed
MIN_SECONDS, MIN_STEPS = 0.25, 20  # that are timed, where there is room for them


def comparable(row: Row) -> bool:
    """Whether a step of this trial evaluates its batch once, so that its speed is that of its neighbours."""
    optimizer = registry.get("optimizers", row.config["train"]["optimizer"]["name"])
    return not optimizer.full_batch and optimizer.max_parameters is None


def plain_images_per_s(row: Row, net: Net, part: Part) -> float:
    """Return the images per second of a plain loop of torch.nn, without the engine (`plain_loop.py`).

    The net and the part of the data are those of the trial. Two steps run before the clock starts, one if
    they are large; then MIN_STEPS, and as many as fit into MIN_SECONDS. Of those that are timed, all but one
    begin within MAX_SECONDS of the first step. Seconds are those of `work_clock`. CnnlabError where a layer
    of the net has no plain form.
    """
    loop = PlainLoop(row, net, part)
    device = part.scale.device
    clock, done = work_clock(device.type), 0
    began = clock()
    loop.step()
    _finish(device)
    if clock() - began < MAX_SECONDS / 4:
        loop.step()
        _finish(device)
    start = now = clock()
    while not done or (now - began < MAX_SECONDS and (done < MIN_STEPS or now - start < MIN_SECONDS)):
        loop.step()
        done, now = done + 1, clock()
    _finish(device)
    return done * loop.size / (clock() - start)


def work_clock(device: str) -> Callable[[], float]:
    """Return the clock, in seconds, that other programs affect least.

    On a CPU it counts the processor time of this process, on an accelerator the time that passes.
    """
    return time.process_time if torch.device(device).type == "cpu" else time.perf_counter


def _finish(device: torch.device) -> None:
    """Wait for work that an accelerator has only queued."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
