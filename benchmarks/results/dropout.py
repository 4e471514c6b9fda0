"""What dropout is worth on few images: `python -m benchmarks.results.dropout`.

Fashion-MNIST's tenth, 6,000 to train, 784-512-512-10 with ReLU, momentum at 0.05, 40 epochs, five seeds:
without, in the inverted form, and in the form that scales when predicting. The error is that of the last
epoch.
"""

from typing import Any

from benchmarks.results.five_seeds import errors, say, spread

FORMS: dict[str, dict[str, Any]] = {
    "none": {},
    "scaled in training": {"dropout": 0.5, "input_dropout": 0.2},
    "scaled in prediction": {"dropout": 0.5, "input_dropout": 0.2, "dropout_scale": "predict"},
}

if __name__ == "__main__":
    for name, given in FORMS.items():
        model = {"name": "mlp", "hidden": [512, 512], **given}
        train = {"epochs": 40, "optimizer": {"name": "momentum", "lr": 0.05}}
        found = errors({"model": model, "data": "fashion-mnist-mini", "train": train})
        say(f"dropout {name}: {spread(found)}")
