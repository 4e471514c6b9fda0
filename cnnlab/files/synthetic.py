"""A data set that is made, not read: hashes decide every pixel, and a checksum tells whether they did."""

import hashlib
from dataclasses import dataclass

import torch
from torch import Tensor

from cnnlab import rng
from cnnlab.data import DataError, Images


@dataclass(frozen=True)
class Synthetic:
    """Name a made data set and its content: 64 hexadecimal digits, the SHA-256 of its four tensors as bytes.

    Pixels come from whole numbers and from sums, products and quotients of floats, which every machine rounds
    alike; sines and roots are not among them.
    """

    name: str
    sha256: str

    @property
    def digest(self) -> str:
        """Name the content in 16 hexadecimal digits."""
        return self.sha256[:16]

    @property
    def seed(self) -> int:
        """Return the seed of its hashes, int32: a function of its name."""
        return rng.fold(*self.name.encode())

    def uniform(self, stream: int, first: int, count: int, n: int) -> Tensor:
        """Return n numbers in (0, 1) for each image from `first` on, float64 (count, n)."""
        seeds = torch.full((count,), self.seed, dtype=torch.int32)
        return rng.uniform(seeds, stream, _numbers(first, count), n)

    def bits(self, stream: int, first: int, count: int, n: int) -> Tensor:
        """Return n hashes for each image from `first` on, int32 (count, n)."""
        seeds = torch.full((count,), self.seed, dtype=torch.int32)
        return rng.bits(seeds, stream, _numbers(first, count), n)

    def check(self, images: Images) -> Images:
        """Return the images; DataError unless they are those that results were made with."""
        content = hashlib.sha256()
        for part in (images.train_x, images.train_y, images.test_x, images.test_y):
            content.update(part.to(torch.uint8).contiguous().numpy().tobytes())
        if content.hexdigest() != self.sha256:
            raise DataError(
                f"{self.name} is made otherwise on this machine than elsewhere: "
                f"the SHA-256 of its content must be {self.sha256}, got {content.hexdigest()}"
            )
        return images


def _numbers(first: int, count: int) -> Tensor:
    return torch.arange(first, first + count, dtype=torch.int32)
