"""Sums over the parameters of each row by itself, so that no bit depends on the number of rows.

torch may split the sum of a whole matrix among threads, or a GPU's blocks, by the shape of the matrix. A BLAS
may take other instructions for a dot product whose numbers begin at an odd address, as those of a row do.
"""

import torch
from torch import Tensor


def dot(a: Tensor, b: Tensor) -> Tensor:
    """Return the products of rows of a and b, both (k, P), as (k, 1)."""
    return torch.stack([(x * y).sum() for x, y in zip(a, b, strict=True)])[:, None]


def size(a: Tensor) -> Tensor:
    """Return the sums of absolute values of rows, (k, 1)."""
    return torch.stack([x.abs().sum() for x in a])[:, None]


def total(a: Tensor) -> Tensor:
    """Return the sums of rows of a, (k, P), as (k,)."""
    return torch.stack([x.sum() for x in a])


def norm(a: Tensor) -> Tensor:
    """Return the Euclidean norms of rows, (k, 1)."""
    return torch.stack([torch.linalg.vector_norm(x) for x in a])[:, None]
