"""Sums over the parameters of rows, each row by itself, so that no bit depends on how many rows there are.

A sum of a whole matrix may be split among threads, or over a GPU's blocks, by the shape of all of it.
"""

import torch
from torch import Tensor


def dot(a: Tensor, b: Tensor) -> Tensor:
    """Return the products of rows of a and b, both (k, P), as (k, 1)."""
    return torch.stack([x @ y for x, y in zip(a, b, strict=True)])[:, None]


def size(a: Tensor) -> Tensor:
    """Return the sums of absolute values of rows, (k, 1)."""
    return torch.stack([x.abs().sum() for x in a])[:, None]


def total(a: Tensor) -> Tensor:
    """Return the sums of rows of a, (k, P), as (k,)."""
    return torch.stack([x.sum() for x in a])
