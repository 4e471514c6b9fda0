"""LeNet-5 of 1998 on MNIST, five epochs at batch 16: `python -m benchmarks.results.lenet5_1998`."""

from benchmarks.results.five_seeds import errors, say, spread

CONFIG = {
    "model": "lenet5-1998",
    "data": "mnist",
    "train": {
        "epochs": 5,
        "batch_size": 16,
        "loss": "maximum-a-posteriori",
        "optimizer": {"name": "sgd", "lr": 0.003},
    },
}

if __name__ == "__main__":
    say(f"LeNet-5 of 1998: {spread(errors(CONFIG))}; LeCun 1998: 0.95 % after 20 passes, batch 1")
