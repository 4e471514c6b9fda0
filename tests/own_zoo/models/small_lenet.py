"""LeNet: convolutions, average pooling and squashing units. Source: Y. LeCun et al. (1998)."""

from torch import nn

from cnnlab.hyper import Int
from cnnlab.own_model import own_model


@own_model
def lenet(maps: Int[1, 64] = 4, *, shape, classes):
    """Two convolutions with average pooling, and two linear layers."""
    side = (shape[1] // 2 - 4) // 2
    return nn.Sequential(
        nn.Conv2d(shape[0], maps, 5, padding=2),
        nn.Tanh(),
        nn.AvgPool2d(2),
        nn.Conv2d(maps, 2 * maps, 5),
        nn.Tanh(),
        nn.AvgPool2d(2),
        nn.Flatten(),
        nn.Linear(2 * maps * side * side, 20),
        nn.Tanh(),
        nn.Linear(20, classes),
    )
