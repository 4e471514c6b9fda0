"""Functions of torch that round a number the same anywhere in an array."""

from collections.abc import Callable

from torch import Tensor
from torch.nn.functional import pad

# A multiple of what torch computes at once on any processor: two vectors, of 16 float32 each with AVX-512.
WHOLE = 64


def evenly(function: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """Return f(x), elementwise, laid out as x; each number has the same bits wherever it is, also in f′.

    For sigmoid, SiLU, SELU, ELU, GELU, softplus, logaddexp and powers torch has two programs on a CPU, which
    round differently: one for vectors, one for the last numbers of an array and for those that are not
    neighbours in memory. Here f gets a contiguous array of whole vectors, and so does f′: a view where x is
    dense and fills vectors, else a copy. e^x, logarithms, tanh, erf and arithmetic do not need it. With
    several threads torch cuts an array where it likes, and the ends of the parts may round differently.
    """
    if x.is_cuda:  # where each number has a thread of its own
        return function(x)
    order = sorted(range(x.dim()), key=x.stride, reverse=True)
    laid = x.permute(order)
    flat = laid.reshape(-1)
    missing = -len(flat) % WHOLE
    whole = pad(flat, (0, missing)) if missing else flat
    y = function(whole)[: len(flat)].view(laid.shape)
    return y.permute([order.index(axis) for axis in range(x.dim())])
