"""What every augmentation is: a random change of training images, different in every epoch."""

from abc import ABC, abstractmethod
from typing import ClassVar

from torch import Tensor

from cnnlab.data import Task
from cnnlab.hyper import Hyper, Number


class Augmentation(ABC):
    """A file in augmentations/ holds one of these; its name is a field of a config's section `data`.

    The field's value is the `amount`, one for all trials of an array; 0 is off and changes no bit. `numbers`
    is how many random numbers each image needs. All of an array's images are changed in one call: an image
    depends on its own row of u, never on other images. `tasks` are those whose targets remain valid.
    """

    tasks: ClassVar[frozenset[Task]] = frozenset({"classification", "regression"})
    numbers: ClassVar[int] = 1
    amount: ClassVar[Hyper] = Number(default=0.0, low=0.0, high=1.0, row=False)

    @abstractmethod
    def value(self, x: Tensor, u: Tensor, amount: float) -> Tensor:
        """Return the images changed, of the same shape and type.

        x is (N, C, H, W), from 0 (black) to 255 and not yet normalized; u are uniform random numbers in the
        open interval (0, 1), float64 (N, numbers). x may be changed in place.
        """
