"""Softmax regression by L-BFGS on all of MNIST: `python -m benchmarks.results.lbfgs_regression`."""

from benchmarks.results.five_seeds import errors, say, spread

CONFIG = {
    "model": {"name": "mlp", "hidden": []},
    "data": "mnist",
    "train": {"epochs": 100, "batch_size": "full", "optimizer": "lbfgs"},
}

if __name__ == "__main__":
    say(f"softmax regression, 100 steps of L-BFGS: {spread(errors(CONFIG))}; LeCun 1998, linear: 12.0 %")
