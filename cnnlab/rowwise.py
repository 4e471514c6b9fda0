"""Sums over the parameters of rows, each row by itself, so that no bit depends on how many rows there are.

A sum of a whole matrix may be split among threads, or over a GPU's blocks, by the shape of all of it. And a
dot product of a BLAS may depend on where in memory its numbers begin, which for a row depends on its place.
"""

import torch
from torch import Tensor


def dot(a: Tensor, b: Tensor) -> Tensor:
    """Return the products of rows of a and b, both (k, P), as (k, 1)."""
    return torch.stack([(x * y).sum() for x, y in zip(a, b, strict=True)])[:, None]


def size(a: Tensor) -> Tensor:
    """Return the sums of absolute values of rows, (k, 1)."""
    return torch.stack([x.abs().sum() for x in a])[:, None]
