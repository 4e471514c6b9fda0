"""The factors of dropout in one compiled pass, the same bits as torch's many."""

import ctypes
from collections.abc import Callable
from functools import partial

from torch import Tensor

from cnnlab.kernels import calls, library


def dropout_factors(keys: Tensor, limits: Tensor, scales: Tensor, first: int, units: int) -> Tensor:
    """Return (K, units): of each row its scale where the hash of an index is its limit at most, else 0.

    keys and limits are int32, of K rows, as are the scales. The indices are first … first + units − 1; their
    hashes are `rng.bits_of` with these keys.
    """
    compiled = library.load(scales.dtype).library
    assert compiled is not None, "there is no library for this type: ask `library.takes` first"
    factors = scales.new_empty(len(keys), units)
    tensors = [keys.contiguous(), limits.contiguous(), scales.contiguous(), factors]
    numbers = len(keys), ctypes.c_ssize_t(units), ctypes.c_int32(first)

    def prepare(*tensors: Tensor) -> Callable[[], None]:
        return partial(compiled.dropout_factors, *numbers, *map(calls.passed, tensors))

    calls.run(prepare, *tensors)
    return factors
