"""Speeds: arrays of more and more trials beside a plain loop of torch, alone and several at once."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable

import torch

from benchmarks import step
from benchmarks.gpu.setting import Results, Setting
from cnnlab import resolve
from cnnlab.batching import batch_order
from cnnlab.batching.on_device import Part
from cnnlab.batching.streams import Streams
from cnnlab.engine.array import Array
from cnnlab.engine.epoch_steps import EpochSteps
from cnnlab.engine.net import Net, build
from cnnlab.engine.recorded import Recorder
from cnnlab.engine.way_timer import way_timer
from cnnlab.kernels.way_choices import Timer

PRECISIONS = ("float32", "tf32", "bfloat16")
PROCESSES = 8  # plain loops at once
STEPS = 20  # of a plain loop, before the clock waits for a GPU


def array_steps(
    net: str, rows: int, precision: str, setting: Setting, timer: Timer | None = None
) -> tuple[EpochSteps, int]:
    """Return the steps of an array of so many trials of a net, and how many an epoch has.

    On a GPU, or with a timer, the way of each convolution is chosen first.
    """
    device, batch = setting.device, setting.batch
    data = "cifar10" if net == "resnet-20" else "fashion-mnist-mini"
    train = {
        "batch_size": batch,
        "l2": 1e-4,
        "optimizer": {"name": "momentum", "lr": 0.01},
        "precision": precision,
    }
    config = resolve({"model": step.MODELS[net], "data": data, "train": train})
    own = Net(step.tutorial_cnn(), (1, 28, 28)) if net == "tutorial-cnn" else build(config)
    array = Array(own, [config] * rows, list(range(rows)), device)
    stored, y = (tensor.to(device) for tensor in step.images(net))
    channels = stored.shape[3]
    part = Part(
        stored, y, torch.full((channels,), 1 / 255, device=device), torch.zeros(channels, device=device)
    )
    streams = Streams(part, config["data"], batch, 0, [(0, 0)] * rows, False)
    steps = EpochSteps(array, streams, len(part), Recorder(array.device))
    if timer is None and device == "cuda":
        timer = way_timer(array.device)
    if timer is not None:
        steps.begin(1)
        array.time_ways(*steps.batch(slice(0, batch)), timer)
    return steps, len(part) // batch


def rate(take: Callable[[], object], images: int, seconds: float, device: str) -> float:
    """Return images per second of a function that trains on so many, by the clock, after a first call."""

    def finished() -> float:
        if device == "cuda":
            torch.cuda.synchronize()
        return time.perf_counter()

    take()
    began, done = finished(), 0
    while True:
        take()
        done += 1
        if (now := finished()) - began >= seconds:
            return done * images / (now - began)


def steps_rate(steps: EpochSteps, rows: int, count: int, most: int, setting: Setting) -> float:
    """Measure so many steps of an array, as many at once as may be."""
    cuts = [slice(at * setting.batch, (at + 1) * setting.batch) for at in range(count)]

    def epoch() -> None:
        steps.begin(1)
        for images, at_once in batch_order.together(cuts, most):
            steps.advance(images, at_once)

    return rate(epoch, rows * count * setting.batch, setting.seconds, setting.device)


def array_rate(net: str, rows: int, precision: str, setting: Setting) -> Results:
    """Measure an array of so many trials."""
    if setting.device == "cuda":
        torch.cuda.reset_peak_memory_stats()
    steps, count = array_steps(net, rows, precision, setting)
    count = 1 if setting.short else count

    found: Results = {"images/s": steps_rate(steps, rows, count, steps.together, setting)}
    if steps.recorder.refused:
        found["eager"] = steps.recorder.refused
    if setting.device == "cuda":
        found["memory GiB"] = round(torch.cuda.max_memory_allocated() / 2**30, 2)
    return found


def loop_rate(net: str, setting: Setting) -> float:
    """Measure a plain loop of torch for one trial."""
    take = step.loop(net, tuned=False, device=setting.device, batch=setting.batch)
    count = 1 if setting.short else STEPS

    def several() -> None:
        for _ in range(count):
            take()

    return rate(several, count * setting.batch, setting.seconds, setting.device)


def loops_at_once(net: str, setting: Setting) -> float:
    """Measure the sum of plain loops in processes of their own, all at once; in short of one, here."""
    if setting.short:
        return loop_rate(net, setting)
    command = [sys.executable, "-m", "benchmarks.gpu", "--loop", net, "--for", str(2 * setting.seconds)]
    command += ["--cpu"] if setting.device == "cpu" else []
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(PROCESSES)]
    printed = [each.communicate()[0].split() for each in running]
    failed = [each.returncode for each in running if each.returncode]
    if failed:
        raise RuntimeError(
            f"{len(failed)} of {PROCESSES} plain loops at once failed, with status {failed[0]}"
        )
    return sum(float(words[-1]) for words in printed)


def speed(net: str) -> Callable[[Setting], Results]:
    """Return the part that measures a net."""

    def measure(setting: Setting) -> Results:
        found: Results = {"plain loop": loop_rate(net, setting), "arrays": []}
        try:
            found["plain loops at once"] = loops_at_once(net, setting)
        except RuntimeError as error:  # the arrays beside them still have their speeds
            found["plain loops at once"], found["error"] = None, str(error)
        for rows in setting.widths(net):
            for precision in PRECISIONS[:1] if setting.short else PRECISIONS:
                try:
                    measured = array_rate(net, rows, precision, setting)
                except torch.OutOfMemoryError:
                    measured = {"error": "out of memory"}
                found["arrays"].append({"trials": rows, "precision": precision, **measured})
                if setting.device == "cuda":
                    torch.cuda.empty_cache()
        return found

    return measure
