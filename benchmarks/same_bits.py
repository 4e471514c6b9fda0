"""Whether a trial's float32 curve depends on the array that it trains in, to the last bit.

Run: python -m benchmarks.same_bits [NET], a net of `make bench` whose model is built in; lenet5 unless given.
Its grid, with 200 images of each class, trains for four epochs in arrays of 1, 3, 6 and 8 rows; in arrays of
6 once more that are saved and loaded into new ones after two epochs; and in arrays of 6 without compiled
operations. A curve is every metric of every epoch. Of each way the table has how many curves are those of
width 6 to the last bit, and how far apart the others are at most, in any metric and in the final accuracy.
"""

import os
import sys
import tempfile
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from benchmarks.rivals import images
from benchmarks.rivals.task import GRIDS, PATHS
from cnnlab import resolve
from cnnlab.fit import Fit, Row
from cnnlab.kernels import library
from services.domain.config import overlay

WIDTHS, USUAL = (1, 3, 6, 8), 6
PER_CLASS, EPOCHS, SEED = 200, 4, 1

Curve = list[dict[str, float]]  # of one trial: its metrics, epoch by epoch


def curves(configs: Sequence[Any], width: int, load_after: int = EPOCHS) -> list[Curve]:
    """Train every trial in arrays of this width; after `load_after` epochs new ones go on from the state."""
    found: list[Curve] = []
    for first in range(0, len(configs), width):
        own = configs[first : first + width]
        rows: list[Row | None] = [Row(config, SEED + first + k) for k, config in enumerate(own)]
        rows += [None] * (width - len(rows))
        fit = Fit(rows, varied=("model.dropout",))
        reports = [fit.run_epoch() or [] for _ in range(load_after)]
        if load_after < EPOCHS:
            saved, fit = fit.state(), Fit(rows, varied=("model.dropout",))
            for row in fit.live:
                fit.load_row(row, {name: tensor[row] for name, tensor in saved.items()}, load_after)
            reports += [fit.run_epoch() or [] for _ in range(EPOCHS - load_after)]
        found += [[epoch[k].metrics for epoch in reports] for k in range(len(own))]
    return found


def line(way: str, own: Sequence[Curve], usual: Sequence[Curve]) -> str:
    """Return a line of the table."""
    equal = sum(a == b for a, b in zip(own, usual, strict=True))
    pairs = [(a, b) for c, d in zip(own, usual, strict=True) for a, b in zip(c, d, strict=True)]
    most = max(abs(a[name] - b[name]) for a, b in pairs for name in a)
    last = max(abs(c[-1]["val/acc"] - d[-1]["val/acc"]) for c, d in zip(own, usual, strict=True))
    return f"| {way} | {equal} of {len(own)} | {most:.2g} | {100 * last:.2g} % |\n"


def main() -> None:
    """Train, compare and print."""
    task = replace(GRIDS[sys.argv[1] if len(sys.argv) > 1 else "lenet5"], per_class=PER_CLASS, epochs=EPOCHS)
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["CNNLAB_DATA"] = folder
        spec = task.spec(images.write(task, "fashion-mnist-mini", Path(folder), SEED), SEED)
        base = resolve({name: spec[name] for name in ("model", "data", "train")})
        configs = [overlay(base, {PATHS[axis]: values[axis] for axis in task.axes}) for values in task.trials]
        sys.stdout.write(f"kernels: {library.load().name or library.load().reason}\n\n")
        sys.stdout.write("| arrays | curves bit-equal | any metric | final accuracy |\n|---|---|---|---|\n")
        usual = curves(configs, USUAL)
        for width in WIDTHS:
            way, own = f"width {width}", usual if width == USUAL else curves(configs, width)
            sys.stdout.write(line(way, own, usual))
        sys.stdout.write(line(f"width {USUAL}, resumed", curves(configs, USUAL, EPOCHS // 2), usual))
        with library.torch_alone() if library.load().library else nullcontext():
            sys.stdout.write(line(f"width {USUAL}, kernels off", curves(configs, USUAL), usual))


if __name__ == "__main__":
    main()
