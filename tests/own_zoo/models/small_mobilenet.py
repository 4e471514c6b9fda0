"""MobileNet: convolutions of single maps, then of single pixels. Source: A. Howard et al. (2017)."""

from torch import nn

from cnnlab.hyper import Number
from cnnlab.own_model import own_model


def separable(inputs, maps, stride):
    """Return a convolution of each map, and one of 1×1, both normalized."""
    return [
        nn.Conv2d(inputs, inputs, 3, stride, 1, groups=inputs, bias=False),
        nn.BatchNorm2d(inputs),
        nn.ReLU6(),
        nn.Conv2d(inputs, maps, 1, bias=False),
        nn.BatchNorm2d(maps),
        nn.ReLU6(),
    ]


@own_model
def mobilenet(multiplier: Number[0.25, 4].per_array = 1.0, *, shape, classes):
    """A convolution and two separable ones; the multiplier scales the number of maps."""
    width = max(1, round(6 * multiplier))
    return nn.Sequential(
        nn.Conv2d(shape[0], width, 3, 2, 1, bias=False),
        nn.BatchNorm2d(width),
        nn.ReLU6(),
        *separable(width, 2 * width, 1),
        *separable(2 * width, 2 * width, 2),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(2 * width, classes),
    )
