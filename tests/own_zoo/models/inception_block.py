"""An Inception block: filters of several sizes side by side. Source: C. Szegedy et al. (2014)."""

import torch
from torch import nn

from cnnlab.hyper import Choice, Int
from cnnlab.own_model import own_model

FORM = Choice["relu", "gelu", "silu"]
ACTIVATIONS = {"relu": nn.ReLU, "gelu": nn.GELU, "silu": nn.SiLU}


class Inception(nn.Module):
    """1×1, 3×3 and 5×5 filters, and pooling, concatenated."""

    def __init__(self, inputs, maps, activation):
        super().__init__()
        self.paths = nn.ModuleList(
            [
                nn.Conv2d(inputs, maps, 1),
                nn.Sequential(nn.Conv2d(inputs, maps, 1), activation(), nn.Conv2d(maps, maps, 3, padding=1)),
                nn.Sequential(nn.Conv2d(inputs, maps, 1), activation(), nn.Conv2d(maps, maps, 5, padding=2)),
                nn.Sequential(nn.MaxPool2d(3, 1, 1), nn.Conv2d(inputs, maps, 1)),
            ]
        )
        self.activation = activation()

    def forward(self, x):
        """Return 4 × maps."""
        return self.activation(torch.cat([path(x) for path in self.paths], 1))


@own_model
def inception(maps: Int[1, 64] = 2, activation: FORM = "relu", *, shape, classes):
    """A convolution and two blocks."""
    form = ACTIVATIONS[activation]
    return nn.Sequential(
        nn.Conv2d(shape[0], 4, 3, 2, 1),
        Inception(4, maps, form),
        Inception(4 * maps, maps, form),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(4 * maps, classes),
    )
