"""The nets of the benchmark in torch, as a tutorial writes them, and tuned by hand for a processor."""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from torch import Tensor, nn


def make(net: str, dropout: float, tuned: bool) -> nn.Module:
    """Return a net with fresh weights. `tuned`: max pooling before the activation, no dropout of 0."""
    if net == "resnet20":
        return ResNet20()
    convolutions = {
        "lenet5": [(1, 6, 5, 2), (6, 16, 5, 0)],
        "tutorial-cnn": [(1, 32, 3, 1), (32, 64, 3, 1)],
        "mlp": [],
    }[net]
    widths = {"lenet5": [400, 120, 84], "tutorial-cnn": [3136, 128], "mlp": [784, 128, 64]}[net]
    layers: list[nn.Module] = []
    for inputs, maps, kernel, padding in convolutions:
        act, pool = nn.ReLU(), nn.MaxPool2d(2)
        layers += [nn.Conv2d(inputs, maps, kernel, padding=padding), *((pool, act) if tuned else (act, pool))]
    layers.append(nn.Flatten())
    for before, after in pairwise(widths):
        layers += [nn.Linear(before, after), nn.ReLU()]
        if dropout > 0 or not tuned:
            layers.append(nn.Dropout(dropout))
    return nn.Sequential(*layers, nn.Linear(widths[-1], 10))


class Block(nn.Module):
    """Two 3×3 convolutions around which the input goes, with zero maps where the shape changes."""

    def __init__(self, inputs: int, maps: int) -> None:
        super().__init__()
        self.stride, self.more = (1, 0) if inputs == maps else (2, maps - inputs)
        self.conv1 = nn.Conv2d(inputs, maps, 3, self.stride, 1, bias=False)
        self.conv2 = nn.Conv2d(maps, maps, 3, 1, 1, bias=False)
        self.norm1, self.norm2 = nn.BatchNorm2d(maps), nn.BatchNorm2d(maps)

    def forward(self, x: Tensor) -> Tensor:
        """Return the block's output."""
        y = self.norm2(self.conv2(torch.relu(self.norm1(self.conv1(x)))))
        if self.more:
            x = nn.functional.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, 0, self.more))
        return torch.relu(x + y)


class ResNet20(nn.Module):
    """He et al.'s ResNet-20 with shortcuts A; 28×28 is padded to 32×32. First weights N(0, 2/fan-in)."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(1, 16, 3, padding=3, bias=False), nn.BatchNorm2d(16)
        maps = [16, 16, 16, 16, 32, 32, 32, 64, 64, 64]
        self.blocks = nn.Sequential(*(Block(a, b) for a, b in pairwise(maps)))
        self.linear = nn.Linear(64, 10)
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                nn.init.normal_(module.weight, std=math.sqrt(2 / module.weight[0].numel()))
        nn.init.zeros_(self.linear.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Return the scores."""
        x = self.blocks(torch.relu(self.norm(self.conv(x))))
        scores: Tensor = self.linear(x.mean((2, 3)))
        return scores
