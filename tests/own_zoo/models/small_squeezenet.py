"""SqueezeNet: few maps, expanded by filters of two sizes. Source: F. Iandola et al. (2016)."""

import torch
from torch import nn

from cnnlab.hyper import Int
from cnnlab.own_model import own_model


class Fire(nn.Module):
    """Squeeze by 1×1 filters, then expand by 1×1 and by 3×3 filters side by side."""

    def __init__(self, inputs, squeezed, expanded):
        super().__init__()
        self.squeeze = nn.Conv2d(inputs, squeezed, 1)
        self.small = nn.Conv2d(squeezed, expanded, 1)
        self.large = nn.Conv2d(squeezed, expanded, 3, padding=1)

    def forward(self, x):
        """Return 2 × expanded maps."""
        x = torch.relu(self.squeeze(x))
        return torch.cat([torch.relu(self.small(x)), torch.relu(self.large(x))], 1)


@own_model
def squeezenet(width: Int[1, 64] = 4, *, shape, classes):
    """Two fire modules; the last convolution gives a map for each class."""
    return nn.Sequential(
        nn.Conv2d(shape[0], 2 * width, 3, stride=2),
        nn.ReLU(),
        Fire(2 * width, width, 2 * width),
        nn.MaxPool2d(2),
        Fire(4 * width, width, 2 * width),
        nn.Conv2d(4 * width, classes, 1),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
    )
