"""Random numbers as a function of a key: the same for the same key, on every machine."""

from __future__ import annotations

from hashlib import blake2b

ROUNDS = 4


def unit(*key: int | str) -> float:
    """A number in the open interval (0, 1), uniform over keys: 53 bits of BLAKE2b of the key."""
    return ((_word(*key) >> 11) + 0.5) / 2.0**53


def permuted(index: int, size: int, *key: int | str) -> int:
    """Where `index` of 0 … size−1 goes in the key's permutation of them.

    A Feistel network of four rounds over the next even number of bits; a result beyond the range is
    permuted again until it falls into it. Source: M. Luby and C. Rackoff, "How to construct pseudorandom
    permutations from pseudorandom functions" (1988); J. Black and P. Rogaway, "Ciphers with arbitrary finite
    domains" (2002).
    """
    if not 0 <= index < size:
        raise ValueError(f"index must lie in 0 … {size - 1}, got {index}")
    half, mask, width = _halves(size)
    while True:
        left, right = index >> half, index & mask
        for turn in range(ROUNDS):
            left, right = right, left ^ (_word(*key, turn, right, size=width) & mask)
        index = left << half | right
        if index < size:
            return index


def unpermuted(index: int, size: int, *key: int | str) -> int:
    """Which index goes to this one in the key's permutation of 0 … size−1: the inverse of `permuted`."""
    half, mask, width = _halves(size)
    while True:
        left, right = index >> half, index & mask
        for turn in reversed(range(ROUNDS)):
            left, right = right ^ (_word(*key, turn, left, size=width) & mask), left
        index = left << half | right
        if index < size:
            return index


def _halves(size: int) -> tuple[int, int, int]:
    """Bits of half an index below `size`, their mask, and how many bytes of a hash reach them."""
    half = max(1, -(-(size - 1).bit_length() // 2))
    return half, (1 << half) - 1, min(64, max(8, -(-half // 8)))


def _word(*key: int | str, size: int = 8) -> int:
    text = "\x1f".join(map(str, key)).encode()
    return int.from_bytes(blake2b(text, digest_size=size).digest(), "big")
