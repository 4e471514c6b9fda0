"""The Sobol sequence: points that fill a cube evenly, scrambled by a seed.

Sources: I. M. Sobol', "On the distribution of points in a cube and the approximate evaluation of integrals",
USSR Computational Mathematics 7 (1967); S. Joe and F. Y. Kuo, "Constructing Sobol sequences with better
two-dimensional projections", SIAM J. Scientific Computing 30 (2008); A. B. Owen, "Randomly permuted
(t,m,s)-nets and (t,s)-sequences" (1995); B. Burley, "Practical hash-based Owen scrambling", Journal of
Computer Graphics Techniques 9 (2020), for the scrambling by a hash.
"""

from __future__ import annotations

from functools import cache, lru_cache

from services.domain.asking.sobol_directions import DIRECTIONS
from services.domain.random_numbers import unit

BITS = 32
_MASK = (1 << BITS) - 1


def coordinate(index: int, dimension: int, seed: int) -> float:
    """The coordinate, inside (0, 1), of the point with an index on a dimension, both from 0.

    There are directions for as many dimensions as a space may have axes.
    """
    found, gray = 0, index ^ (index >> 1)
    for vector in _vectors(dimension):
        if gray & 1:
            found ^= vector
        gray >>= 1
    return (_scrambled(found, _key(seed, dimension)) + 0.5) / 2.0**BITS


@cache
def _vectors(dimension: int) -> tuple[int, ...]:
    """The direction numbers of a dimension, the first bit's first, by the recurrence of its polynomial."""
    degree, coefficients, *numbers = DIRECTIONS[dimension]
    vectors = [number << (BITS - 1 - bit) for bit, number in enumerate(numbers)]
    for bit in range(degree, BITS):
        vector = vectors[bit - degree] ^ (vectors[bit - degree] >> degree)
        for place in range(1, degree):
            if coefficients >> (degree - 1 - place) & 1:
                vector ^= vectors[bit - place]
        vectors.append(vector)
    return tuple(vectors)


@lru_cache(maxsize=4096)
def _key(seed: int, dimension: int) -> int:
    return int(unit(seed, "sobol", dimension) * 2.0**BITS)


def _scrambled(bits: int, key: int) -> int:
    """Owen's nested permutation of a number's bits: each is flipped or not by a hash of those above it."""
    found = _reversed(bits)
    found = (found + key) & _MASK
    for factor in (0x6C50B47C, 0xB82F1E52, 0xC7AFE638, 0x8D22F6E6):
        found ^= found * factor & _MASK
    return _reversed(found)


def _reversed(bits: int) -> int:
    return int(f"{bits:0{BITS}b}"[::-1], 2)
