"""MLP-Mixer: linear layers across patches, then across channels. Source: I. Tolstikhin et al. (2021)."""

from torch import nn

from cnnlab.hyper import Int
from cnnlab.own_model import own_model


class Mix(nn.Module):
    """Mix patches, then channels, each beside the identity."""

    def __init__(self, patches, width):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.tokens = nn.Sequential(nn.Linear(patches, 8), nn.GELU(), nn.Linear(8, patches))
        self.channels = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))

    def forward(self, x):
        """Return (N, patches, width)."""
        x = x + self.tokens(self.norm1(x).transpose(1, 2)).transpose(1, 2)
        return x + self.channels(self.norm2(x))


class Mixer(nn.Module):
    """Patches of 4×4 pixels, two mixing layers, and the mean over patches."""

    def __init__(self, width, shape, classes):
        super().__init__()
        patches = (shape[1] // 4) * (shape[2] // 4)
        self.patch = nn.Conv2d(shape[0], width, 4, 4)
        self.mixes = nn.Sequential(Mix(patches, width), Mix(patches, width))
        self.norm, self.out = nn.LayerNorm(width), nn.Linear(width, classes)

    def forward(self, x):
        """Return (N, classes)."""
        tokens = self.patch(x).flatten(2).transpose(1, 2)
        return self.out(self.norm(self.mixes(tokens)).mean(1))


@own_model
def mixer(width: Int[1, 64] = 8, *, shape, classes):
    """Return a mixer of two layers."""
    return Mixer(width, shape, classes)
