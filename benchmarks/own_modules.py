"""How fast modules of one's own train as rows of an array, beside a plain loop of torch: those of the tests.

Run: python -m benchmarks.own_modules [NAME …]. Images of Fashion-MNIST's size, batch 64, float32, SGD with
momentum, one thread of a CPU, with the allocator settings that workers use; an array of 1, one of 8 and the
plain loop step in turn. Times are CPU milliseconds of the process for one step of one trial, medians over the
rounds.
"""

import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from cnnlab import registry, resolve, rng
from cnnlab.config import Config
from cnnlab.engine import row_by_row
from cnnlab.engine.array import Array
from cnnlab.engine.net import build
from services.training_environment import ALLOCATOR

ZOO = Path(__file__).parents[1] / "tests" / "own_zoo"
ROUNDS, BATCH, ROWS = 15, 64, 8
SETTINGS = {"OMP_NUM_THREADS": "1", **ALLOCATOR, "CNNLAB_PLUGINS": str(ZOO)}
SHAPE, CLASSES = (1, 28, 28), 10
RATE, MOMENTUM = 0.01, 0.9
HEAD = "| module | parameters | rows | plain loop | array of 1 | array of 8 | plain / 1 | plain / 8 |"


def batch(number: int) -> tuple[Tensor, Tensor]:
    """Return a batch of images (N, C, H, W) and targets (N,)."""
    generator = torch.Generator().manual_seed(number)
    x = torch.randn(BATCH, *SHAPE, generator=generator)
    return x, torch.randint(CLASSES, (BATCH,), generator=generator)


def array_step(config: Config, rows: int) -> Callable[[Tensor, Tensor], object]:
    """Return a step of an array."""
    array = Array(build(config), [config] * rows, list(range(rows)))

    def step(x: Tensor, y: Tensor) -> object:
        return array.step(x[:, None].expand(-1, rows, *SHAPE), y[:, None].expand(-1, rows))

    return step


def plain_step(config: Config) -> Callable[[Tensor, Tensor], object]:
    """Return a step of the module itself, as a loop of torch takes it."""
    entry = registry.get("models", config["model"]["name"])()
    module = entry.module(config["model"], SHAPE, CLASSES, rng.fold(0) % 2**32)
    stepper = torch.optim.SGD(module.parameters(), RATE, momentum=MOMENTUM)

    def step(x: Tensor, y: Tensor) -> object:
        stepper.zero_grad()
        loss = cross_entropy(module(x), y)
        loss.backward()
        stepper.step()
        return loss

    return step


def line(name: str) -> tuple[str, str]:
    """Return a module's line of the table, and why its rows pass one after the other, if they do."""
    optimizer = {"name": "momentum", "lr": RATE, "momentum": MOMENTUM}
    train = {"batch_size": BATCH, "optimizer": optimizer}
    config = resolve({"model": name, "data": "fashion-mnist-mini", "train": train})
    net = build(config)
    steps = (plain_step(config), array_step(config, 1), array_step(config, ROWS))
    trials = (1, 1, ROWS)
    times: list[list[float]] = []
    for number in range(ROUNDS + 3):
        x, y = batch(number)
        row = []
        for step, count in zip(steps, trials, strict=True):
            start = time.process_time()
            step(x, y)
            row.append((time.process_time() - start) * 1000 / count)
        times.append(row)
    timed = times[3:]
    plain, one, many = (statistics.median(column) for column in zip(*timed, strict=True))
    to_one, to_many = (statistics.median(row[0] / row[i] for row in timed) for i in (1, 2))
    alone = row_by_row.pays(net, BATCH, torch.device("cpu"))
    how = "one by one" if alone else "side by side"
    numbers = f"{plain:.2f} | {one:.2f} | {many:.2f} | {to_one:.2f} | {to_many:.2f}"
    why = net.chain.alone or ("that is faster" if alone else "")
    return f"| {name} | {net.parameters:,} | {how} | {numbers} |", why


def main() -> None:
    """Print the table, and below it why rows pass one after the other."""
    if any(os.environ.get(name) != value for name, value in SETTINGS.items()):  # read before torch loads
        os.execve(sys.executable, [*sys.orig_argv], {**os.environ, **SETTINGS})  # noqa: S606 - this program
    torch.set_num_threads(1)
    names = sys.argv[1:] or sorted(path.stem.replace("_", "-") for path in (ZOO / "models").glob("*.py"))
    sys.stdout.write(f"{HEAD}\n|---|--:|---|--:|--:|--:|--:|--:|\n")
    reasons = []
    for name in names:
        row, why = line(name)
        sys.stdout.write(f"{row}\n")
        sys.stdout.flush()
        reasons += [f"{name}: {why}"] if why else []
    sys.stdout.write("\n".join(["", *reasons, ""]))


if __name__ == "__main__":
    main()
