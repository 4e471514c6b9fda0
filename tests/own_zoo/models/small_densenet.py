"""DenseNet: every layer sees the maps of all layers before it. Source: G. Huang et al. (2016)."""

import torch
from torch import nn

from cnnlab.hyper import Int
from cnnlab.own_model import own_model


class Dense(nn.Module):
    """Append maps to those that come in."""

    def __init__(self, inputs, growth):
        super().__init__()
        self.norm = nn.BatchNorm2d(inputs)
        self.conv = nn.Conv2d(inputs, growth, 3, padding=1, bias=False)

    def forward(self, x):
        """Return the input and `growth` maps more."""
        return torch.cat([x, self.conv(torch.relu(self.norm(x)))], 1)


@own_model
def densenet(growth: Int[1, 32] = 3, *, shape, classes):
    """Two dense blocks of two layers with a transition between them."""
    maps = 2 * growth
    layers = [nn.Conv2d(shape[0], maps, 3, padding=1)]
    for block in range(2):
        for _ in range(2):
            layers.append(Dense(maps, growth))
            maps += growth
        if block == 0:
            layers += [nn.BatchNorm2d(maps), nn.ReLU(), nn.Conv2d(maps, maps // 2, 1), nn.AvgPool2d(2)]
            maps //= 2
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(maps, classes))
