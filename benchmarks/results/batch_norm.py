"""How far batch normalization is ahead after 1,000 steps: `python -m benchmarks.results.batch_norm`.

The net of figure 1 of its paper, 784-100-100-100-10 with sigmoids, in batches of 60: an epoch of MNIST is
1,000 steps. Once with sgd's own default rate, and once with five times that, where the plain net learns too.
"""

from typing import Any

from benchmarks.results.five_seeds import errors, say, spread


def config(norm: str, lr: float) -> dict[str, Any]:
    """Return the net with or without normalization, everything else the same."""
    return {
        "model": {"name": "mlp", "hidden": [100, 100, 100], "activation": "sigmoid", "norm": norm},
        "data": "mnist",
        "train": {"epochs": 1, "batch_size": 60, "optimizer": {"name": "sgd", "lr": lr}},
    }


if __name__ == "__main__":
    for lr in (0.1, 0.5):
        found = {norm: errors(config(norm, lr)) for norm in ("none", "batch")}
        for norm, values in found.items():
            say(f"1,000 steps, lr {lr}, norm {norm}: error {spread(values)}")
        lead = [without - normed for without, normed in zip(found["none"], found["batch"], strict=True)]
        say(f"lead at lr {lr}: {spread(lead)} points")
