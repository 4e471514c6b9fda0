"""What every augmentation is: a random change of training images, different in every epoch."""

import math
from abc import ABC, abstractmethod
from typing import ClassVar

from torch import Tensor

from cnnlab.data import Task
from cnnlab.hyper import Hyper, Number


class Augmentation(ABC):
    """A file in augmentations/ holds one of these; its name is a field of a config's section `data`.

    The field's value is the `amount`, one for all trials of an array; 0 is off and changes no bit. `numbers`
    is how many random numbers each image needs. All of an array's images are changed in one call: an image
    depends on its own row of u, never on other images. `tasks` are those whose targets remain valid;
    `channels` is how many an image must have, None any.
    """

    tasks: ClassVar[frozenset[Task]] = frozenset({"classification", "regression"})
    channels: ClassVar[int | None] = None
    numbers: ClassVar[int] = 1
    amount: ClassVar[Hyper] = Number(default=0.0, low=0.0, high=1.0, row=False)

    @abstractmethod
    def value(self, x: Tensor, u: Tensor, amount: float) -> Tensor:
        """Return the images changed, of the same shape and type.

        x is (N, C, H, W), from 0 (black) to 255 and not yet normalized; u are uniform random numbers in the
        open interval (0, 1), float64 (N, numbers). x may be changed in place.
        """


class Mixture(Augmentation):
    """An augmentation that mixes each image with another one of its batch, and with it the targets.

    It is applied behind all others, to what they made of both images, and at most one is on. The first of an
    image's `numbers` picks the other image, all of the batch equally likely, itself included.
    """

    tasks = frozenset({"classification"})

    def value(self, x: Tensor, u: Tensor, amount: float) -> Tensor:
        """Return x: an image by itself is not changed."""
        return x

    @abstractmethod
    def mix(self, x: Tensor, other: Tensor, u: Tensor, amount: float) -> tuple[Tensor, Tensor]:
        """Return the images mixed with the others, (N, C, H, W), and the share of x in each, float64 (N,).

        `other` has the shape and type of x; u are the numbers that are left, float64 (N, numbers − 1). An
        image depends on its own row of x, other and u alone. x may be changed in place.
        """


def symmetric_beta(u: Tensor, v: Tensor, alpha: float) -> Tensor:
    """Return numbers of the distribution Beta(α, α) from two uniform ones in (0, 1) each, float64.

    λ = ½ + ½ t/√(1 + t²), t = √(u^(−1/α) − 1) cos 2πv: √(2α)·t has Student's distribution with 2α degrees of
    freedom. Source: R. Bailey, "Polar generation of random variates with the t-distribution" (1994), and L.
    Devroye, "Random variate generation in one line of code" (1996).
    """
    turned = (2 * math.pi * v).cos()
    squared = (u.pow(-1 / alpha) - 1) * turned.square()  # may be infinite for a small α: λ is then 0 or 1
    return 0.5 + 0.5 * turned.sign() * (1 + 1 / squared).rsqrt()
