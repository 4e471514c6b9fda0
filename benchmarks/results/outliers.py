"""Losses on targets of which a share is far off: `python -m benchmarks.results.outliers`.

Fashion-MNIST's tenth, each image turned by up to 45°; the angle is the target. A share of the training
targets is a random number. 784-128-1 with ReLU, Adam at 0.002, 20 epochs, five seeds. The error is that of
the last epoch on the test images, which have no outliers.
"""

import math
from typing import Any

import torch

from benchmarks.results.five_seeds import SEEDS, say
from cnnlab import resolve
from cnnlab.fit import Fit, Row

LOSSES: dict[str, Any] = {
    "square": "square",
    "Huber, δ 1.5": {"name": "huber", "delta": 1.5},  # radians: hardly any error is beyond it
    "Huber, δ 0.1": {"name": "huber", "delta": 0.1},
    "L1": "l1",
}
SHARES, EPOCHS = (0.0, 0.1, 0.3), 20


def main() -> None:
    """Print mean absolute errors in degrees, mean ± deviation over seeds."""
    torch.set_num_threads(1)
    for share in SHARES:
        configs = [
            resolve(
                {
                    "model": {"name": "mlp", "hidden": [128]},
                    "data": {"name": "rotated", "label_noise": share, "validation": 0.0},
                    "train": {
                        "loss": loss,
                        "optimizer": {"name": "adam", "lr": 0.002},
                        "epochs": EPOCHS,
                        "test": "each-epoch",
                    },
                }
            )
            for loss in LOSSES.values()
        ]
        rows = [Row(config, seed, replicate=seed) for config in configs for seed in range(SEEDS)]
        fit = Fit(rows)
        for _ in range(EPOCHS):
            reports = fit.run_epoch() or []
        found = torch.tensor([math.degrees(report.metrics["test/mae"]) for report in reports])
        for loss, values in zip(LOSSES, found.view(len(LOSSES), SEEDS), strict=True):
            say(f"| {share:.0%} | {loss} | {float(values.mean()):.2f}° ± {float(values.std()):.2f} |")


if __name__ == "__main__":
    main()
