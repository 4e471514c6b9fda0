"""Rotated images, with the angle as target: regression on any data set of classes."""

import math
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample

from cnnlab import rng
from cnnlab.data import DataSet, Images, Info, data_set
from cnnlab.errors import ConfigError
from cnnlab.hyper import EntryOf, Number
from cnnlab.registry import register

MIN_SIDE = 8  # pixels: smaller images look alike at most angles
CHUNK_IMAGES = 1000  # images turned at once


@register
class Rotated(DataSet):
    """Turn every image of the data set `of` by an angle of its own; the angle, in radians, is the target.

    Angles are uniform in ±`degrees`, counter-clockwise, and depend only on the image's index; outside of the
    image everything is 0. One radian is 57.3°, so a val/mae of 0.1 is 5.7°. `label_noise` turns a fraction of
    the training targets into outliers. Images under 8×8 are refused, and so is data whose targets are
    numbers.
    Licence: that of the data set `of`.
    Source: the task is that of the digits' angles in MathWorks, "Train convolutional neural network for
    regression" (2017).
    """

    task = "regression"
    of: ClassVar = EntryOf(kind="datasets", default="fashion-mnist-mini")
    degrees: ClassVar = Number(default=45.0, low=1.0, high=180.0, row=False)

    def complete(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """Complete the data set `of`."""
        return {**data, "of": data_set(data["of"]).complete(data["of"])}

    def info(self, data: Mapping[str, Any]) -> Info:
        """Return the sizes of the data set `of`; ConfigError if it cannot be rotated."""
        own = data_set(data["of"]).info(data["of"])
        if own.task != "classification":
            raise ConfigError("data.of", f"must have classes as targets, got {data['of']['name']}")
        if min(own.shape[1:]) < MIN_SIDE:
            height, width = own.shape[1:]
            raise ConfigError(
                "data.of", f"must have images of at least {MIN_SIDE}×{MIN_SIDE}, got {height}×{width}"
            )
        without = replace(own, digest="", class_counts=(), class_names=(), labels=None, val_labels=None)
        return replace(without, classes=1, task="regression")

    def load(self, data: Mapping[str, Any]) -> Images:
        """Return the rotated images, made once per process as long as they are of the same images."""
        plain = data_set(data["of"]).load(data["of"])
        return _turned(_Same(plain), data["degrees"])


class _Same:
    """A data set's images as a cache key: equal if they are the same object."""

    def __init__(self, images: Images) -> None:
        self.images = images

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and other.images is self.images

    def __hash__(self) -> int:
        return id(self.images)


@lru_cache(maxsize=1)
def _turned(plain: _Same, degrees: float) -> Images:
    most = math.radians(degrees)
    found = []
    for part, (x, _) in enumerate(plain.images.parts().values()):
        angles = (2 * rng.uniform(*_keys(part), len(x))[0] - 1) * most
        found += [turn(x, angles), angles.float()]
    return Images(*found)


def _keys(part: int) -> tuple[Tensor, int, Tensor]:
    return torch.tensor([rng.fold(part)], dtype=torch.int32), 0, torch.zeros(1, dtype=torch.int32)


def turn(x: Tensor, angle: Tensor) -> Tensor:
    """Return images uint8 (N, C, H, W) turned counter-clockwise by angles, float64 (N,), in radians.

    Bilinear, around the middle, computed in float64 so that rounding to whole numbers agrees between
    machines.
    """
    if not len(x):
        return x  # affine_grid refuses an empty batch
    _, _, height, width = x.shape
    parts = []
    for images, a in zip(torch.split(x, CHUNK_IMAGES), torch.split(angle, CHUNK_IMAGES), strict=True):
        c, s, o = a.cos(), a.sin(), torch.zeros_like(a)
        # The source of each point of the turned image, in coordinates where each side has length 2.
        theta = torch.stack((c, -s * height / width, o, s * width / height, c, o), 1).view(-1, 2, 3)
        grid = affine_grid(theta, list(images.shape), align_corners=False)
        turned = grid_sample(images.double(), grid, align_corners=False)
        parts.append(turned.round().clamp(0, 255).to(torch.uint8))
    return torch.cat(parts)
