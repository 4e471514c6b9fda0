"""VGG: 3×3 convolutions in blocks, with batch normalization. Source: K. Simonyan and A. Zisserman (2014)."""

from torch import nn

from cnnlab.hyper import Int, Number
from cnnlab.own_model import own_model


@own_model
def vgg(width: Int[1, 64] = 4, dropout: Number[0, 1] = 0.0, *, shape, classes):
    """Two blocks of two convolutions, and two linear layers with dropout between them."""
    layers, inputs = [], shape[0]
    for maps in (width, 2 * width):
        for _ in range(2):
            layers += [nn.Conv2d(inputs, maps, 3, padding=1, bias=False), nn.BatchNorm2d(maps), nn.ReLU(True)]
            inputs = maps
        layers.append(nn.MaxPool2d(2))
    head = [nn.Flatten(), nn.LazyLinear(16), nn.ReLU(), nn.Dropout(dropout), nn.Linear(16, classes)]
    return nn.Sequential(*layers, *head)
