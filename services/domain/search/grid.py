"""Grid search: every point of the product, once, in index order."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod


def points(sizes: Sequence[int]) -> int:
    """The number of points: the product of the axes' sizes."""
    return prod(sizes)


def digits(index: int, sizes: Sequence[int]) -> tuple[int, ...]:
    """Mixed-radix digits of `index`, the first axis most significant."""
    result = []
    for size in reversed(sizes):
        index, digit = divmod(index, size)
        result.append(digit)
    return tuple(reversed(result))
