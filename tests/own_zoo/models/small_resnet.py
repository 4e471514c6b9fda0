"""ResNet: blocks with a shortcut around two convolutions. Source: K. He et al. (2015)."""

import torch
from torch import nn

from cnnlab.hyper import Int
from cnnlab.own_model import own_model


class Block(nn.Module):
    """Two convolutions beside the identity, or beside a convolution of 1×1 where the size changes."""

    def __init__(self, inputs, maps, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, maps, 3, stride, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(maps)
        self.conv2 = nn.Conv2d(maps, maps, 3, 1, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(maps)
        same = inputs == maps and stride == 1
        self.shortcut = nn.Identity() if same else nn.Conv2d(inputs, maps, 1, stride, bias=False)

    def forward(self, x):
        """Return the sum behind a ReLU."""
        y = self.norm2(self.conv2(torch.relu(self.norm1(self.conv1(x)))))
        return torch.relu(y + self.shortcut(x))


@own_model
def resnet(width: Int[1, 64] = 4, *, shape, classes):
    """A convolution and three blocks."""
    return nn.Sequential(
        nn.Conv2d(shape[0], width, 3, padding=1),
        Block(width, width, 1),
        Block(width, 2 * width, 2),
        Block(2 * width, 2 * width, 1),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(2 * width, classes),
    )
