"""What a step of one trial costs: the loop of a tutorial, a tuned loop, and an array of K trials.

Run: python -m benchmarks.step [NET ...] [K ...]. Nets: lenet5, mlp, tutorial-cnn, resnet-20; K is 1, 4 and 8
unless given. Every side is a process of its own with one thread and the settings of a worker, and they take
turns: a round of each, then the next. A step takes its batch of 128 images from memory; those of an array are
of an epoch, as in training. Times are CPU
milliseconds per trial and step, medians over the rounds. *tuned* has channels innermost, pools before it
rectifies, and a fused optimizer. *other way* is an array whose rows pass through the net one after the other
where those of `array` pass side by side, or the reverse: what engine/row_by_row.py did not choose.
"""

import sys
import time
from collections.abc import Callable, Mapping
from itertools import count, pairwise

import torch
from torch import Tensor, nn

from benchmarks import turns
from cnnlab import resolve
from cnnlab.batching.on_device import Part
from cnnlab.batching.streams import Streams
from cnnlab.engine import row_by_row
from cnnlab.engine.array import Array
from cnnlab.engine.epoch_steps import EpochSteps
from cnnlab.engine.net import Net, build
from cnnlab.engine.recorded import Recorder
from cnnlab.layer import Layer
from cnnlab.layers.activate import Activate
from cnnlab.layers.conv2d import Conv2d
from cnnlab.layers.flatten import Flatten
from cnnlab.layers.linear import Linear
from cnnlab.layers.max_pool2d import MaxPool2d
from services.training_environment import ALLOCATOR

BATCH, IMAGES, ROUNDS, WIDTHS = 128, 1024, 15, (1, 4, 8)
SIDES = ("plain", "tuned", "array", "other way")
SETTINGS = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", **ALLOCATOR}
MODELS: Mapping[str, object] = {
    "lenet5": "lenet5",
    "mlp": {"name": "mlp", "hidden": [128, 64]},
    "tutorial-cnn": "lenet5",  # a config that its layers could have
    "resnet-20": {"name": "cifar-resnet", "depth": 20},
}


class Block(nn.Module):
    """Two convolutions of ResNet-20, and their input, or every second pixel of it with maps of zeros."""

    def __init__(self, inputs: int, maps: int) -> None:
        super().__init__()
        self.stride, self.more = maps // inputs, maps - inputs
        self.conv1 = nn.Conv2d(inputs, maps, 3, self.stride, 1, bias=False)
        self.conv2 = nn.Conv2d(maps, maps, 3, 1, 1, bias=False)
        self.norm1, self.norm2 = nn.BatchNorm2d(maps), nn.BatchNorm2d(maps)

    def forward(self, x: Tensor) -> Tensor:
        """Return the sum of both, rectified."""
        y = self.norm2(self.conv2(self.norm1(self.conv1(x)).relu()))
        if self.more:
            x = nn.functional.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, 0, self.more))
        summed: Tensor = y + x
        return summed.relu()


def module(net: str, tuned: bool) -> nn.Module:
    """Return a net as plain torch writes it."""

    def pooled() -> list[nn.Module]:
        act, pool = nn.ReLU(inplace=tuned), nn.MaxPool2d(2)
        return [pool, act] if tuned else [act, pool]

    if net == "mlp":
        parts = [
            nn.Flatten(),
            nn.Linear(784, 128),
            nn.ReLU(),
            nn.Linear(128, 64),
            nn.ReLU(),
            nn.Linear(64, 10),
        ]
    elif net == "lenet5":
        parts = [
            nn.Conv2d(1, 6, 5, padding=2), *pooled(), nn.Conv2d(6, 16, 5), *pooled(), nn.Flatten(),
            nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10),
        ]  # fmt: skip
    elif net == "tutorial-cnn":
        parts = [
            nn.Conv2d(1, 32, 3, padding=1), *pooled(), nn.Conv2d(32, 64, 3, padding=1), *pooled(),
            nn.Flatten(), nn.Linear(3136, 128), nn.ReLU(), nn.Linear(128, 10),
        ]  # fmt: skip
    else:
        maps = [16, *[16] * 3, *[32] * 3, *[64] * 3]
        blocks = [Block(*pair) for pair in pairwise(maps)]
        first = [nn.Conv2d(3, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU()]
        parts = [*first, *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10)]
    return nn.Sequential(*parts)


def images(net: str) -> tuple[Tensor, Tensor]:
    """Return bytes (N, H, W, C) and classes."""
    random = torch.Generator().manual_seed(0)
    side, channels = (32, 3) if net == "resnet-20" else (28, 1)
    x = torch.randint(0, 256, (IMAGES, side, side, channels), dtype=torch.uint8, generator=random)
    return x, torch.randint(0, 10, (IMAGES,), generator=random)


def loop(net: str, tuned: bool, device: str = "cpu", batch: int = BATCH) -> Callable[[], object]:
    """Return one step of a plain loop."""
    model, (stored, y) = module(net, tuned).to(device), (each.to(device) for each in images(net))
    x = stored.permute(0, 3, 1, 2).float().div_(255).contiguous()
    if tuned:
        model = model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        x = x.contiguous(memory_format=torch.channels_last)
    decay = 1e-4
    optimizer = torch.optim.SGD(model.parameters(), 0.01, 0.9, weight_decay=decay, fused=tuned or None)
    order = torch.randperm(IMAGES)[:batch].to(device)

    def step() -> None:
        optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(nn.functional.cross_entropy(model(x[order]), y[order]))
        optimizer.step()

    return step


def array(net: str, rows: int, other_way: bool = False) -> Callable[[], object]:
    """Return one step of an array of so many trials."""
    train = {"batch_size": BATCH, "l2": 1e-4, "optimizer": {"name": "momentum", "lr": 0.01}}
    data = "cifar10" if net == "resnet-20" else "fashion-mnist-mini"
    config = resolve({"model": MODELS[net], "data": data, "train": train})
    own = Net(tutorial_cnn(), (1, 28, 28)) if net == "tutorial-cnn" else build(config)
    chosen = row_by_row.pays(own, BATCH, torch.device("cpu"))
    trials = Array(own, [config] * rows, list(range(rows)), one_by_one=chosen is not other_way)
    stored, y = images(net)
    channels = stored.shape[3]
    part = Part(stored, y, torch.full((channels,), 1 / 255), torch.zeros(channels))
    streams = Streams(part, config["data"], BATCH, 0, [(0, 0)] * rows, False)
    steps, taken = EpochSteps(trials, streams, IMAGES, Recorder(trials.device)), count()

    def step() -> None:
        if next(taken) % (IMAGES // BATCH) == 0:
            steps.begin(1)
        steps.advance(BATCH)

    return step


def tutorial_cnn() -> dict[str, Layer]:
    """Return 32 and 64 maps 3×3 and 128 units, the net of many tutorials; 421,642 parameters."""
    act = Activate("relu", "model.activation")
    return {
        "conv1": Conv2d(1, 32, 3, (1, 1)), "pool1": MaxPool2d(2), "act1": act,
        "conv2": Conv2d(32, 64, 3, (1, 1)), "pool2": MaxPool2d(2), "act2": act, "flatten": Flatten(),
        "linear3": Linear(3136, 128), "act3": act, "linear4": Linear(128, 10),
    }  # fmt: skip


def serve(side: str, net: str, rows: int) -> None:
    """Take a round of steps whenever it is this side's turn; it measures CPU seconds per trial and step."""
    torch.set_num_threads(1)
    alone = side in ("plain", "tuned")
    step = loop(net, side == "tuned") if alone else array(net, rows, side == "other way")
    trials = 1 if alone else rows
    steps = max(1, {"mlp": 64, "resnet-20": 1}.get(net, 8) // trials)
    for _ in range(2):
        step()

    def seconds() -> float:
        start = time.process_time()
        for _ in range(steps):
            step()
        return (time.process_time() - start) / steps / trials

    turns.serve(seconds)


def medians(net: str, rows: int) -> dict[str, float]:
    """Return the CPU milliseconds per trial and step of each side."""
    sides = {side: (side, net, str(rows)) for side in SIDES}
    return turns.medians("benchmarks.step", sides, 5 if net == "resnet-20" else ROUNDS, SETTINGS)


def main() -> None:
    """Time all sides and print a line for each net and width."""
    words = sys.argv[1:]
    if words[:1] == ["serve"]:
        serve(words[1], words[2], int(words[3]))
        return
    nets = [word for word in words if word in MODELS] or list(MODELS)
    widths = [int(word) for word in words if word.isdigit()] or WIDTHS
    for net in nets:
        for rows in widths:
            ms = medians(net, rows)
            sides = ", ".join(f"{name} {value:.2f}" for name, value in ms.items())
            by_plain, by_tuned = ms["plain"] / ms["array"], ms["tuned"] / ms["array"]
            sys.stdout.write(
                f"{net} K = {rows}: {sides} ms; array {by_tuned:.2f} × tuned, {by_plain:.2f} × plain\n"
            )
            sys.stdout.flush()


if __name__ == "__main__":
    main()
