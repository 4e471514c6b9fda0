"""Names that people's programs have for entries of the catalog, and the hyperparameters of those entries.

Names are compared without case and punctuation; of a dotted one, as `torch.optim.Adam`, the end counts.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

RESTARTS = {"name": "cosine-restarts", "unit": "fraction"}
COSINE = {"name": "cosine", "unit": "fraction"}  # without `over` for all of training
PIECEWISE = {"name": "piecewise"}
EACH_EPOCH = {"name": "step", "every": 1}  # ExponentialLR multiplies by gamma after each epoch

OPTIMIZERS: Mapping[str, Any] = {
    "sgd": "sgd", "momentum": "momentum", "sgdmomentum": "momentum", "nesterov": "nesterov",
    "nag": "nesterov", "adam": "adam", "adamw": "adamw", "nadam": "nadam", "radam": "radam",
    "rmsprop": "rmsprop", "adagrad": "adagrad", "lion": "lion", "muon": "muon", "lbfgs": "lbfgs",
}  # fmt: skip
MODELS: Mapping[str, Any] = {
    "cnn": "cnn", "convnet": "cnn", "simplecnn": "cnn", "mlp": "mlp", "lenet": "lenet5", "lenet5": "lenet5",
    "alexnet": "alexnet", "googlenet": "googlenet",
    "vgg11": {"name": "vgg", "configuration": "A"}, "vgg13": {"name": "vgg", "configuration": "B"},
    "vgg16": {"name": "vgg", "configuration": "D"}, "vgg19": {"name": "vgg", "configuration": "E"},
    "resnet": "cifar-resnet",
    **{f"resnet{depth}": {"name": "resnet", "depth": depth} for depth in (18, 34, 50, 101, 152)},
    **{f"resnet{depth}": {"name": "cifar-resnet", "depth": depth} for depth in (20, 32, 44, 56, 110)},
    "wideresnet": "wide-resnet", "wrn": "wide-resnet",
    **{
        f"wrn{depth}{widen}": {"name": "wide-resnet", "depth": depth, "widen": widen}
        for depth, widen in ((16, 4), (28, 10), (40, 2))
    },
}  # fmt: skip
DATASETS: Mapping[str, Any] = {
    "mnist": "mnist", "fashionmnist": "fashion-mnist", "fmnist": "fashion-mnist", "cifar10": "cifar10",
    "cifar": "cifar10",
}  # fmt: skip
LOSSES: Mapping[str, Any] = {
    "crossentropy": "softmax", "crossentropyloss": "softmax", "ce": "softmax", "nll": "softmax",
    "nllloss": "softmax", "categoricalcrossentropy": "softmax", "sparsecategoricalcrossentropy": "softmax",
    "softmax": "softmax", "focal": "focal", "focalloss": "focal", "hinge": "svm", "multimarginloss": "svm",
    "svm": "svm",
}  # fmt: skip
SCHEDULES: Mapping[str, Any] = {
    "none": "constant", "constant": "constant", "cosine": COSINE, "cosineannealing": COSINE,
    "cosineannealinglr": COSINE,
    **dict.fromkeys(
        ("cosinerestarts", "cosinewithrestarts", "cosinewarmrestarts", "cosineannealingwarmrestarts",
         "cosinewithhardrestarts", "sgdr"),
        RESTARTS,
    ),
    **dict.fromkeys(("exponential", "exponentiallr", "exp"), EACH_EPOCH),
    "multistep": PIECEWISE, "multisteplr": PIECEWISE, "piecewise": PIECEWISE,
    "step": "step", "steplr": "step",
    "onecycle": {"name": "one-cycle"}, "onecyclelr": {"name": "one-cycle"},
    "plateau": "plateau", "reducelronplateau": "plateau",
    "linear": {"name": "linear", "unit": "fraction"}, "poly": {"name": "polynomial", "unit": "fraction"},
    "polynomial": {"name": "polynomial", "unit": "fraction"},
}  # fmt: skip
ACTIVATIONS: Mapping[str, Any] = {
    "relu": "relu", "sigmoid": "sigmoid", "softplus": "softplus", "tanh": {"name": "tangent-sigmoid", "b": 2},
    "linear": "linear", "identity": "linear", "elu": "elu", "gelu": "gelu", "selu": "selu", "silu": "silu",
    "swish": "silu", "leakyrelu": "leaky-relu", "hardtanh": "symmetric-saturating-linear",
    "logistic": "sigmoid",
}  # fmt: skip

# By the path where the entry stands: its names and the hyperparameters that `vocabulary` translates to.
FIELDS: Mapping[str, Mapping[str, frozenset[str]]] = {
    path: {name: frozenset(fields.split()) for name, fields in entries.items()}
    for path, entries in {
        "train.optimizer": {
            "sgd": "lr momentum nesterov dampening",
            "momentum": "lr momentum",
            "nesterov": "lr momentum",
            "adam": "lr beta1 beta2 eps",
            "adamw": "lr beta1 beta2 eps weight_decay",
            "nadam": "lr beta1 beta2 eps",
            "radam": "lr beta1 beta2 eps",
            "rmsprop": "lr rho eps",
            "adagrad": "lr eps",
            "lion": "lr beta1 beta2 weight_decay",
            "muon": "lr momentum weight_decay",
            "lbfgs": "lr",
        },
        "model": {
            "cnn": "filters blocks kernel stride padding pooling pool norm activation global_pooling hidden"
            " dropout block_dropout input_dropout",
            "mlp": "hidden depth norm activation dropout input_dropout",
            "lenet5": "pooling norm activation dropout input_dropout",
            "alexnet": "activation dropout",
            "googlenet": "activation dropout",
            "vgg": "norm activation dropout",
            "resnet": "depth activation",
            "cifar-resnet": "depth activation",
            "wide-resnet": "depth widen activation dropout",
        },
        "data": dict.fromkeys(("mnist", "fashion-mnist", "fashion-mnist-mini", "cifar10"), ""),
        "train.loss": {"softmax": "smoothing class_weights", "focal": "gamma class_weights", "svm": ""},
        "train.schedule": {
            "constant": "",
            "cosine": "over to",
            "cosine-restarts": "every growth to",
            "step": "every factor",
            "piecewise": "pieces",
            "one-cycle": "over up div final_div",
            "plateau": "factor patience",
            "linear": "over to",
            "polynomial": "over power to",
        },
        "model.activation": {
            "relu": "",
            "sigmoid": "",
            "softplus": "",
            "tangent-sigmoid": "",
            "linear": "",
            "elu": "",
            "gelu": "",
            "selu": "",
            "silu": "",
            "leaky-relu": "",
            "symmetric-saturating-linear": "",
        },
    }.items()
}
KINDS = {
    "train.optimizer": "optimizers", "model": "models", "data": "datasets", "train.loss": "losses",
    "train.schedule": "schedules", "model.activation": "activations",
}  # fmt: skip
NAMES: Mapping[str, Mapping[str, Any]] = {
    "train.optimizer": OPTIMIZERS, "model": MODELS, "data": DATASETS, "train.loss": LOSSES,
    "train.schedule": SCHEDULES, "model.activation": ACTIVATIONS,
}  # fmt: skip
# By the model, which numbers of layers it can have, and in words.
DEPTHS: Mapping[str, tuple[Callable[[int], bool], str]] = {
    "cnn": (lambda blocks: 0 <= blocks <= 16, "up to 16"),
    "mlp": (lambda layers: 0 <= layers <= 16, "up to 16"),
    "resnet": (lambda depth: depth in (18, 34, 50, 101, 152), "18, 34, 50, 101 or 152"),
    "cifar-resnet": (lambda depth: depth % 6 == 2 and 8 <= depth <= 1202, "6n + 2, as 20, 32 or 56"),
    "wide-resnet": (lambda depth: depth % 6 == 4 and 10 <= depth <= 1000, "6n + 4, as 16, 22 or 28"),
}


def plain(name: str) -> str:
    """A name without case and punctuation, as the tables have it."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


def entry(path: str, written: Any) -> Any | None:
    """The entry that a program calls so, as a spec writes it there; None if no name is known."""
    if not isinstance(written, str):
        return None
    table = NAMES[path]
    return table.get(plain(written), table.get(plain(written.rpartition(".")[2])))


def name_of(value: Any) -> str:
    """The name of an entry that a spec gives by name or as an object."""
    return str(value["name"]) if isinstance(value, dict) else str(value)
