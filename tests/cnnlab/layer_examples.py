"""Small layers for tests of all of them, and what they read besides their inputs."""

import torch

from cnnlab import registry
from cnnlab.layer import Context, Mode
from cnnlab.layers.auxiliary import Auxiliary
from cnnlab.layers.average_pool1d import AveragePool1d
from cnnlab.layers.average_pool2d import AveragePool2d
from cnnlab.layers.batch_norm import BatchNorm
from cnnlab.layers.branches import Branches
from cnnlab.layers.connected_conv2d import ConnectedConv2d
from cnnlab.layers.conv1d import Conv1d
from cnnlab.layers.conv2d import Conv2d
from cnnlab.layers.dropout import Dropout
from cnnlab.layers.global_average_pool import GlobalAveragePool
from cnnlab.layers.linear import Linear
from cnnlab.layers.max_pool1d import MaxPool1d
from cnnlab.layers.max_pool2d import MaxPool2d
from cnnlab.layers.maxout import Maxout
from cnnlab.layers.min_pool2d import MinPool2d
from cnnlab.layers.residual import Residual
from cnnlab.layers.sum_pool2d import SumPool2d

TABLE = [[0, 2], [1, 2], [0, 1, 2], [1]]  # links of three input maps with four output maps
VARIANTS = {
    "conv2d of one channel": (Conv2d(1, 3, 3), (1, 6, 5)),
    "conv2d without bias": (Conv2d(2, 3, 3, bias=False), (2, 6, 5)),
    "conv2d with a stride": (Conv2d(2, 3, 3, (1, 0), stride=2), (2, 6, 5)),
    "connected-conv2d with a stride": (ConnectedConv2d(3, 4, 3, stride=2, table=TABLE), (3, 6, 5)),
    "conv2d flipped": (Conv2d(2, 3, 3, flip=True), (2, 6, 5)),
    "connected-conv2d in groups": (ConnectedConv2d(4, 6, 3, table=[[0, 1]] * 3 + [[2, 3]] * 3), (4, 6, 5)),
    "linear without bias": (Linear(6, 4, bias=False), (6,)),
    "max-pool2d that overlaps": (MaxPool2d(3, 2, ceil=True), (2, 6, 5)),
    "min-pool2d that overlaps": (MinPool2d(3, 2, 1), (2, 6, 5)),
    "average-pool2d that overlaps": (AveragePool2d(3, 2, 1, ceil=True, count=False), (2, 6, 5)),
    "sum-pool2d that overlaps": (SumPool2d(3, 2, 1, ceil=True), (2, 6, 5)),
    "conv1d of one channel": (Conv1d(1, 3, 3), (1, 7)),
    "conv1d without bias": (Conv1d(2, 3, 3, bias=False), (2, 7)),
    "conv1d with a stride": (Conv1d(2, 3, 3, 1, stride=2), (2, 8)),
    "conv1d flipped": (Conv1d(2, 3, 3, flip=True), (2, 7)),
    "max-pool1d that overlaps": (MaxPool1d(3, 2), (2, 8)),
    "average-pool1d that overlaps": (AveragePool1d(3, 2), (2, 8)),
    "maxout of maps": (Maxout(2), (4, 3, 2)),
    "dropout of maps": (Dropout("rate"), (2, 3, 4)),
    "batch-norm of maps": (BatchNorm(2), (2, 3, 4)),
    "batch-norm of the population": (BatchNorm(2, "population"), (2, 3, 4)),
    "auxiliary of layers": (
        Auxiliary(
            {
                "conv": Conv2d(2, 3, 3),
                "norm": BatchNorm(3),
                "pool": GlobalAveragePool(),
                "drop": Dropout("rate"),
            },
            "act.beta",
        ),
        (2, 5, 4),
    ),
    "residual of layers": (Residual({"conv": Conv2d(2, 2, 3, (1, 1)), "norm": BatchNorm(2)}), (2, 5, 4)),
    "residual with a shortcut": (
        Residual(
            {"conv": Conv2d(2, 3, 3, (1, 1), stride=2), "drop": Dropout("rate")},
            {"drop": Dropout("rate"), "conv": Conv2d(2, 3, 1, stride=2), "norm": BatchNorm(3)},
        ),
        (2, 5, 4),
    ),
    "branches of layers": (
        Branches(
            {"a": {"conv": Conv2d(2, 1, 1), "norm": BatchNorm(1)}, "b": {"conv": Conv2d(2, 2, 3, (1, 1))}}
        ),
        (2, 5, 4),
    ),
}
EXAMPLES = {name: registry.get("layers", name).example() for name in registry.names("layers")} | VARIANTS


class Hypers(dict):
    """A hyperparameter for any path, each row's own."""

    def __init__(self, rows, dtype):
        super().__init__(rate=0.2 * (rows.to(dtype) % 4))
        self._any = 0.5 + rows.to(dtype)

    def __missing__(self, path):
        return self._any


def context(rows, dtype, training=True):
    """Hyperparameters and seeds of rows; row k is the same whatever stands beside it."""
    hypers = Hypers(rows, dtype)
    return Context(
        hypers,
        frozenset(),
        rows.int(),
        torch.full_like(rows, 3).int(),
        Mode.TRAIN if training else Mode.PREDICT,
    )
