"""LeNet-5 as it is trained today, on MNIST, six epochs: `python -m benchmarks.results.lenet5`."""

from benchmarks.results.five_seeds import errors, say, spread

CONFIG = {
    "model": "lenet5",
    "data": "mnist",
    "train": {
        "epochs": 6,
        "batch_size": 64,
        "optimizer": {"name": "nesterov", "lr": 0.02, "momentum": 0.9},
        "schedule": {"name": "step", "every": 4, "factor": 0.1},
    },
}

if __name__ == "__main__":
    say(f"LeNet-5, modern: {spread(errors(CONFIG))}; LeCun 1998: 0.95 %")
