"""AdaGrad and gradient descent on inputs that are mostly 0: `python -m benchmarks.results.sparse`.

Softmax regression on rare-words, batches of 128, five seeds, every rule at three rates; the loss is that of
the validation part after each of three epochs, and each rule shows its best rate there.
"""

import torch

from benchmarks.results.five_seeds import SEEDS, say
from cnnlab import resolve
from cnnlab.fit import Fit, Row

RATES = {
    "sgd": (1.0, 3.0, 10.0),
    "momentum": (0.1, 0.3, 1.0),
    "adagrad": (0.1, 0.3, 1.0),
    "adam": (0.01, 0.03, 0.1),
}
EPOCHS = 3


def main() -> None:
    """Print for each rule, epoch by epoch, its best rate, mean loss and accuracy."""
    torch.set_num_threads(1)
    choices = [(rule, rate) for rule, rates in RATES.items() for rate in rates]
    rows = [
        Row(
            resolve(
                {
                    "model": {"name": "mlp", "hidden": []},
                    "data": "rare-words",
                    "train": {"optimizer": {"name": rule, "lr": rate}, "epochs": EPOCHS},
                }
            ),
            seed,
            replicate=seed,
        )
        for rule, rate in choices
        for seed in range(SEEDS)
    ]
    fit = Fit(rows)
    for epoch in range(1, EPOCHS + 1):
        reports = fit.run_epoch() or []
        loss, right = (
            torch.tensor([report.metrics[name] for report in reports]).view(-1, SEEDS).mean(1)
            for name in ("val/loss", "val/acc")
        )
        for rule in RATES:
            own = [i for i, (name, _) in enumerate(choices) if name == rule]
            best = min(own, key=lambda i: float(loss[i]))
            say(f"| {epoch} | {rule} | {choices[best][1]:g} | {loss[best]:.3f} | {100 * right[best]:.1f} % |")


if __name__ == "__main__":
    main()
