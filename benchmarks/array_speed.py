"""How much an array of trials saves over as many plain loops: LeNet-5, one thread of a CPU, side by side.

Run: python -m benchmarks.array_speed [K]. Both sides train on the same batch of 128 images, round by round in
turn; times are CPU seconds of the process, so that other programs disturb less. Medians over the rounds.
"""

import statistics
import sys
import time
from collections.abc import Callable

import torch
from torch import nn

from cnnlab import resolve
from cnnlab.fit import Fit, Row

ROUNDS, BATCH = 30, 128


def plain_step(x: torch.Tensor, y: torch.Tensor) -> Callable[[], object]:
    """Return one step of a net and an optimizer as torch's tutorials write them."""
    net = nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10),
    )  # fmt: skip
    optimizer = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9)

    def step() -> None:
        optimizer.zero_grad()
        torch.autograd.backward(nn.functional.cross_entropy(net(x), y))
        optimizer.step()

    return step


def seconds(step: Callable[[], object]) -> float:
    """Return the CPU time of one call."""
    start = time.process_time()
    step()
    return time.process_time() - start


def main() -> None:
    """Time both and print the ratio."""
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 8
    torch.set_num_threads(1)
    config = resolve({"model": "lenet5", "data": "fashion-mnist-mini", "train": {"batch_size": BATCH}})
    fit = Fit([Row(config, seed) for seed in range(rows)])
    x, y = fit.data.train.batch(slice(0, BATCH), rows)
    plain = plain_step(x[:, 0].contiguous(), y[:, 0].contiguous())
    singles, arrays = [], []
    for _ in range(ROUNDS):
        singles.append(seconds(plain))
        arrays.append(seconds(lambda: fit.array.step(x, y)))
    single, array = (statistics.median(times[3:]) for times in (singles, arrays))
    sys.stdout.write(
        f"one plain step {single * 1e3:.1f} ms, {rows} of them {rows * single * 1e3:.1f} ms, "
        f"an array of {rows} {array * 1e3:.1f} ms: {rows * single / array:.2f}× (n = {ROUNDS - 3})\n"
    )


if __name__ == "__main__":
    main()
