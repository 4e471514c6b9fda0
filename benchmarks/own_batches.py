"""What it costs that the rows of an array have batches of their own, as replicates in one array must.

Run: python -m benchmarks.own_batches [K]. LeNet-5, batch 128, one thread of a CPU; both arrays step in turn.
Times are CPU seconds of the process, medians over the rounds; the making of the batch is part of a step.
"""

import statistics
import sys
import time
from collections.abc import Callable

import torch

from cnnlab import resolve
from cnnlab.fit import Fit, Row

ROUNDS, BATCH = 30, 128


def steps(rows: int, mixed: bool) -> Callable[[], object]:
    """Return one step of an array, each time on the next batch."""
    config = resolve({"model": "lenet5", "data": "fashion-mnist-mini", "train": {"batch_size": BATCH}})
    fit = Fit([Row(config, seed, replicate=seed if mixed else 0) for seed in range(rows)])
    images = len(fit.data.train)
    order = torch.stack([torch.randperm(images) for _ in range(rows if mixed else 1)], 1)
    column = torch.arange(rows)
    at = 0

    def step() -> None:
        nonlocal at
        index = order[at : at + BATCH]
        at = (at + BATCH) % (images - BATCH)
        part = fit.data.train
        fit.array.step(*(part.batch_per_row(index, column) if mixed else part.batch(index[:, 0], rows)))

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
    shared, own = steps(rows, mixed=False), steps(rows, mixed=True)
    times = [(seconds(shared), seconds(own)) for _ in range(ROUNDS)][3:]
    one, other = (statistics.median(column) for column in zip(*times, strict=True))
    ratio = statistics.median(b / a for a, b in times)
    sys.stdout.write(
        f"an array of {rows}: a shared batch {one * 1e3:.1f} ms, batches of their own {other * 1e3:.1f} ms: "
        f"{ratio:.2f}× (n = {len(times)})\n"
    )


if __name__ == "__main__":
    main()
