"""Random numbers as a pure function of (seed, stream, step, index): the same in any packing, on any device.

Everything is two rounds of lowbias32, a 32-bit integer hash: one makes a key from seed, stream and step, the
other mixes the key into each index. Source: C. Wellons, "Prospecting for hash functions" (2018).
"""

import struct

import torch
from torch import Tensor

# Streams: what a random number is for. Numbered parts of a stream (parameters, layers) are STREAMS apart.
WEIGHTS, MASKS, ORDER, SPLIT = range(4)
STREAMS = 4
# Order and split have no numbered parts, so the numbers after theirs are free for further streams.
AUGMENT, TARGETS, BATCHES = ORDER + STREAMS, SPLIT + STREAMS, ORDER + 2 * STREAMS
SUBSET = SPLIT + 2 * STREAMS

GOLDEN = -0x61C88647  # 2³² / φ as int32: spreads neighbouring integers over the range
M1, M2 = 0x7FEB352D, -0x7B935975


def _mix(h: Tensor) -> Tensor:
    """Hash int32 in place; a mask makes torch's arithmetic shift a logical one."""
    h.bitwise_xor_((h >> 16).bitwise_and_(0xFFFF)).mul_(M1)
    h.bitwise_xor_((h >> 15).bitwise_and_(0x1FFFF)).mul_(M2)
    return h.bitwise_xor_((h >> 16).bitwise_and_(0xFFFF))


def fold(*numbers: int) -> int:
    """Return one int32 for integers of any size; their order and count matter."""
    h = torch.full((1,), GOLDEN, dtype=torch.int32)
    for number in numbers:
        words = number.bit_length() // 32 + 1
        data = number.to_bytes(4 * words, "little", signed=True)
        for word in (*struct.unpack(f"<{words}i", data), words):
            h = _mix(h.mul_(GOLDEN).add_(word))
    return int(h)


def bits(seed: Tensor, stream: int, step: Tensor, n: int, first: int = 0) -> Tensor:
    """Return n random int32 per row, (K, n), from index `first` of a stream; seed, step are int32 (K,)."""
    index = torch.arange(first, first + n, dtype=torch.int32, device=seed.device)
    return bits_at(seed, stream, step, index)


def bits_at(seed: Tensor, stream: int, step: Tensor, index: Tensor) -> Tensor:
    """Return the random int32 at these indices of each row's stream, (K, n); index int32 (n,) or (K, n)."""
    return bits_of(row_key(stream_key(seed, stream), step_key(step)), index)


def stream_key(seed: Tensor, stream: int) -> Tensor:
    """Return what `row_key` needs of a stream, int32 (K,): the same at every step."""
    offset = (stream * GOLDEN + 2**31) % 2**32 - 2**31  # wrapped to int32
    return _mix(_mix(seed.clone()) + offset)


def step_key(step: Tensor) -> Tensor:
    """Return what `row_key` needs of a step, int32 (K,): the same for every stream."""
    return _mix(step.clone())


def row_key(stream: Tensor, step: Tensor) -> Tensor:
    """Return what `bits_of` needs of each row, int32 (K,), from the keys of a stream and a step."""
    return _mix(stream ^ step)


def bits_of(key: Tensor, index: Tensor) -> Tensor:
    """Return `bits_at` these indices, (K, n), from the keys of the rows."""
    return _mix(_mix((index + 1).mul_(GOLDEN)) ^ key[:, None])


def uniform(seed: Tensor, stream: int, step: Tensor, n: int) -> Tensor:
    """Return n numbers per row in the open interval (0, 1), float64 (K, n)."""
    return _open_interval(bits(seed, stream, step, n))


def uniform_at(seed: Tensor, stream: int, step: Tensor, index: Tensor) -> Tensor:
    """Return the same at these indices, int32 (n,) or (K, n)."""
    return _open_interval(bits_at(seed, stream, step, index))


def _open_interval(whole: Tensor) -> Tensor:
    return whole.double().add_(2.0**31 + 0.5).mul_(2.0**-32)


def permutation(seed: int, stream: int, step: int, n: int) -> Tensor:
    """Return 0 … n−1 in random order, int64 (n,); equal hashes keep their order."""
    row, at = (torch.tensor([v], dtype=torch.int32) for v in (seed, step))
    return bits(row, stream, at, n)[0].argsort(stable=True)
