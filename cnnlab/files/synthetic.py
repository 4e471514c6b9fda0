"""Synthetic data: hashes decide every pixel, and a checksum shows whether every machine makes the same."""

import hashlib
from dataclasses import dataclass

import torch
from torch import Tensor

from cnnlab import rng
from cnnlab.data import DataError, Images


@dataclass(frozen=True)
class Synthetic:
    """Identify a synthetic data set by name and content: the SHA-256 of its four tensors, 64 hex digits.

    Pixels are made only of whole numbers and of sums, products and quotients of floats, which every machine
    rounds alike; no sines, no roots.
    """

    name: str
    sha256: str

    @property
    def digest(self) -> str:
        """Return 16 hexadecimal digits that identify the content."""
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
        """Return the images; DataError unless their SHA-256 is the recorded one."""
        content = hashlib.sha256()
        for part in (images.train_x, images.train_y, images.test_x, images.test_y):
            content.update(part.to(torch.uint8).contiguous().numpy().tobytes())
        if content.hexdigest() != self.sha256:
            raise DataError(
                f"{self.name} differs on this machine from everywhere else: "
                f"the SHA-256 of its content must be {self.sha256}, got {content.hexdigest()}"
            )
        return images


def _numbers(first: int, count: int) -> Tensor:
    return torch.arange(first, first + count, dtype=torch.int32)
