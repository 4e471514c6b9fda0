"""Dropout in a module of one's own: masks from hashes, in the place of torch's generator."""

from collections.abc import Callable, Sequence
from functools import partial
from math import prod
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from cnnlab import rng
from cnnlab.kernels import library
from cnnlab.kernels.dropout import dropout_factors
from cnnlab.layer import Context
from cnnlab.layers.dropout import limit_of, scale_of

# Of torch.nn.functional, by how many leading axes of the input have a factor of their own; None is all.
DROPOUTS: dict[Any, int | None] = {
    functional.dropout: None,
    functional.dropout1d: 2,
    functional.dropout2d: 2,
    functional.dropout3d: 2,
}


class RowNumber(float):
    """A hyperparameter in which rows of an array may differ; `path` is its place in a config.

    It is a number like any other to a module, and recognized where it arrives unchanged as a rate of dropout.
    """

    path: str

    def __new__(cls, value: float, path: str = "") -> "RowNumber":
        """Return the number; a copy gets its path from the state of the other."""
        self = super().__new__(cls, value)
        self.path = path
        return self


class RowMask(NamedTuple):
    """What the masks of one call of dropout need of each row: a key (K,), and limit and scale (K, 1)."""

    key: Tensor
    limit: Tensor
    scale: Tensor


class DropoutCalls(TorchFunctionMode):
    """Replaces dropout while it is active: `replace` gets the input, the rate and the axes of DROPOUTS.

    Only calls that train and have a rate other than 0 reach it; of a `RowNumber` the rate may be 0. No call
    changes its input in place.
    """

    def __init__(self, replace: Callable[[Tensor, float, int | None], Tensor]) -> None:
        super().__init__()
        self._replace = replace

    def __torch_function__(
        self, function: Any, types: Any, args: Sequence[Any] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Do an operation as it is, unless it is dropout."""
        kwargs = kwargs or {}
        if function not in DROPOUTS:
            return function(*args, **kwargs)
        (x,) = args
        rate = kwargs["p"]
        if not 0 <= rate <= 1:
            raise ValueError(f"a rate of dropout must be from 0 to 1, got {rate}")
        if not kwargs["training"] or (rate == 0 and not isinstance(rate, RowNumber)):
            return x
        return self._replace(x, rate, DROPOUTS[function])


def row_masks(rates: Sequence[float], context: Context, dtype: torch.dtype) -> list[RowMask | None]:
    """Return what the masks of each call need, call by call; None where every row's rate is 0.

    The i-th call of a pass is its own stream, so that its masks depend on the trial's seed, the step and the
    place of the call alone.
    """
    found: list[RowMask | None] = []
    for call, rate in enumerate(rates):
        path = rate.path if isinstance(rate, RowNumber) else ""
        if path in context.all_zero:
            found.append(None)
            continue
        number, what = rng.MASKS + (context.layer + call) * rng.STREAMS, path or float(rate)
        stream = context.keep(number, partial(_stream, number))
        limit = context.keep(("limit", what), partial(_limit, what))
        scale = context.keep(("train", what), partial(_scale, what, dtype))
        found.append(RowMask(rng.row_key(stream, context.step_key), limit, scale))
    return found


def _stream(number: int, context: Context) -> Tensor:
    return rng.stream_key(context.seed, number)


def _limit(rate: str | float, context: Context) -> Tensor:
    return limit_of(_of_rows(rate, context))


def _scale(rate: str | float, dtype: torch.dtype, context: Context) -> Tensor:
    return scale_of(_of_rows(rate, context), dtype)


def _of_rows(rate: str | float, context: Context) -> Tensor:
    """Return a rate of each row, (K,): the hyperparameter at a path, or the same number for all."""
    if isinstance(rate, str):
        return context.hypers[rate]
    return torch.full_like(context.seed, rate, dtype=torch.float64)


class SeededDropout(DropoutCalls):
    """Multiplies by the masks of one row, call by call.

    A mask is shaped as the input, whose axes may stand in any order; `batched` within vmap, where no compiled
    operation can be called.
    """

    def __init__(self, masks: Sequence[RowMask | None], batched: bool) -> None:
        super().__init__(self._drop)
        self._masks, self._batched, self._call = masks, batched, 0

    def _drop(self, x: Tensor, rate: float, axes: int | None) -> Tensor:
        if self._call == len(self._masks):
            raise RuntimeError(
                f"a module must drop out equally often in every pass; the first had {self._call} calls"
            )
        mask, self._call = self._masks[self._call], self._call + 1
        if mask is None:
            return x
        shape = x.shape if axes is None else (*x.shape[:axes], *(1,) * (x.dim() - axes))
        return x * _factors(mask, prod(shape), self._batched).view(shape)


def _factors(mask: RowMask, units: int, batched: bool) -> Tensor:
    """Return the factors of one row, (1, units): 1/(1 − p) or 0."""
    key, limit, scale = mask.key.view(1), mask.limit.view(1, 1), mask.scale.view(1, 1)
    if not batched and library.takes(scale):
        return dropout_factors(key, limit, scale, 0, units)
    index = torch.arange(units, dtype=torch.int32, device=key.device)
    return (rng.bits_of(key, index) <= limit) * scale
