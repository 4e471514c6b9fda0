"""Vision transformer: attention between patches. Source: A. Dosovitskiy et al. (2020)."""

import torch
from torch import nn

from cnnlab.hyper import Int
from cnnlab.own_model import own_model


class Transformer(nn.Module):
    """Patches of 4×4 pixels, a token of the class, and two layers of attention."""

    def __init__(self, width, heads, shape, classes):
        super().__init__()
        patches = (shape[1] // 4) * (shape[2] // 4)
        self.patch = nn.Conv2d(shape[0], width, 4, 4)
        self.token = nn.Parameter(torch.zeros(1, 1, width))
        self.position = nn.Parameter(0.02 * torch.randn(1, patches + 1, width))
        self.layers = nn.Sequential(
            *(
                nn.TransformerEncoderLayer(width, heads, 2 * width, 0.0, batch_first=True, norm_first=True)
                for _ in range(2)
            )
        )
        self.norm, self.out = nn.LayerNorm(width), nn.Linear(width, classes)

    def forward(self, x):
        """Return (N, classes)."""
        tokens = self.patch(x).flatten(2).transpose(1, 2)
        tokens = torch.cat([self.token.expand(len(x), -1, -1), tokens], 1) + self.position
        return self.out(self.norm(self.layers(tokens)[:, 0]))


@own_model
def vit(width: Int[4, 64] = 8, heads: Int[1, 8] = 2, *, shape, classes):
    """Return a transformer of two layers."""
    return Transformer(width, heads, shape, classes)
