"""The plain loop that a sweep's price is compared with, beside one written by hand with torch.optim.

Run: python -m benchmarks.price [NET ...] [BATCH ...]. Nets: lenet5, mlp, tutorial-cnn, resnet-20; batches 16
and 128 unless given. Each side is a process of its own with one thread and a worker's settings, and they take
turns. By hand: the *plain* loop of `benchmarks.step`. Measured: what `cnnlab/throughput.py` finds between two
epochs of the first pack, for the same net, batch and weight decay. Medians of CPU milliseconds of a step.
"""

import sys
import time
from collections.abc import Callable

import torch

from benchmarks import turns
from benchmarks.step import BATCH, MODELS, SETTINGS, images, loop
from cnnlab import resolve
from cnnlab.batching.on_device import Part
from cnnlab.engine.net import build
from cnnlab.fit import Row
from cnnlab.throughput import plain_images_per_s

BATCHES, ROUNDS = (16, BATCH), 9
TUTORIAL = {"name": "cnn", "filters": [32, 64], "kernel": 3, "hidden": [128]}


def by_hand(net: str, batch: int) -> Callable[[], float]:
    """Return a function that finds the seconds of one step of the loop written by hand."""
    step = loop(net, False, batch=batch)
    steps = max(1, {"mlp": 60, "resnet-20": 1}.get(net, 10) * BATCH // batch)
    for _ in range(2):
        step()

    def measured() -> float:
        start = time.process_time()
        for _ in range(steps):
            step()
        return (time.process_time() - start) / steps

    return measured


def as_in_a_pack(net: str, batch: int) -> Callable[[], float]:
    """Return a function that finds the seconds of one step of the loop that a runner measures."""
    model = TUTORIAL if net == "tutorial-cnn" else MODELS[net]
    data = "cifar10" if net == "resnet-20" else "fashion-mnist-mini"
    row = Row(resolve({"model": model, "data": data, "train": {"batch_size": batch, "l2": 1e-4}}), seed=1)
    stored, y = images(net)
    channels = stored.shape[3]
    part = Part(stored, y, torch.full((channels,), 1 / 255), torch.zeros(channels))
    own = build(row.config)
    return lambda: batch / plain_images_per_s(row, own, part)


def serve(side: str, net: str, batch: int) -> None:
    """Measure one side whenever it is its turn."""
    torch.set_num_threads(1)
    turns.serve((by_hand if side == "by hand" else as_in_a_pack)(net, batch))


def medians(net: str, batch: int) -> dict[str, float]:
    """Return the CPU milliseconds of a step on each side."""
    sides = {side: (side, net, str(batch)) for side in ("by hand", "measured")}
    return turns.medians("benchmarks.price", sides, ROUNDS, SETTINGS)


def main() -> None:
    """Time both sides and print a line for each net and batch."""
    words = sys.argv[1:]
    if words[:1] == ["serve"]:
        serve(words[1], words[2], int(words[3]))
        return
    for net in [word for word in words if word in MODELS] or list(MODELS):
        for batch in [int(word) for word in words if word.isdigit()] or BATCHES:
            ms = medians(net, batch)
            sides = ", ".join(f"{name} {value:.3f}" for name, value in ms.items())
            ratio = ms["by hand"] / ms["measured"]
            sys.stdout.write(f"{net}, batch {batch}: {sides} ms; speed {ratio:.2f} × by hand\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
