"""Random numbers as a pure function of (seed, stream, step, index): the same in any packing, on any device.

Two rounds of lowbias32, a 32-bit integer hash, are all there is: one makes a key from seed, stream and step,
one mixes the key into each index. Source: C. Wellons, "Prospecting for hash functions" (2018).
"""

import struct

import torch
from torch import Tensor

# Streams: what a random number is for. Numbered parts of a stream (parameters, layers) are STREAMS apart.
WEIGHTS, MASKS, ORDER, SPLIT = range(4)
STREAMS = 4

GOLDEN = -0x61C88647  # 2³² / φ as int32: spreads neighbouring integers over the range
M1, M2 = 0x7FEB352D, -0x7B935975


def _mix(h: Tensor) -> Tensor:
    """Hash int32 in place; a mask makes torch's arithmetic shift a logical one."""
    h.bitwise_xor_((h >> 16).bitwise_and_(0xFFFF)).mul_(M1)
    h.bitwise_xor_((h >> 15).bitwise_and_(0x1FFFF)).mul_(M2)
    return h.bitwise_xor_((h >> 16).bitwise_and_(0xFFFF))


def fold(*numbers: int) -> int:
    """Return one int32 for whole numbers of any size; their order and their count matter."""
    h = torch.full((1,), GOLDEN, dtype=torch.int32)
    for number in numbers:
        words = number.bit_length() // 32 + 1
        data = number.to_bytes(4 * words, "little", signed=True)
        for word in (*struct.unpack(f"<{words}i", data), words):
            h = _mix(h.mul_(GOLDEN).add_(word))
    return int(h)


def bits(seed: Tensor, stream: int, step: Tensor, n: int) -> Tensor:
    """Return n random int32 per row, (K, n); seed and step are int32 (K,)."""
    offset = (stream * GOLDEN + 2**31) % 2**32 - 2**31  # wrapped to int32
    key = _mix(_mix(_mix(seed.clone()) + offset) ^ _mix(step.clone()))  # (K,)
    index = _mix(torch.arange(1, n + 1, dtype=torch.int32, device=seed.device).mul_(GOLDEN))  # (n,)
    return _mix(index ^ key[:, None])


def uniform(seed: Tensor, stream: int, step: Tensor, n: int) -> Tensor:
    """Return n numbers per row in the open interval (0, 1), float64 (K, n)."""
    return bits(seed, stream, step, n).double().add_(2.0**31 + 0.5).mul_(2.0**-32)


def permutation(seed: int, stream: int, step: int, n: int) -> Tensor:
    """Return 0 … n−1 in random order, int64 (n,); equal hashes keep their order."""
    row, at = (torch.tensor([v], dtype=torch.int32) for v in (seed, step))
    return bits(row, stream, at, n)[0].argsort(stable=True)
