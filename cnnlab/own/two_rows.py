"""Whether vmap takes a module: two rows side by side must give what two passes give."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch._C import _functorch  # vmap's switch has no public name

from cnnlab.layer import Context, Mode
from cnnlab.own.module_pass import ModulePass
from cnnlab.own.seeded_dropout import RowNumber, row_masks
from cnnlab.own.vmap_reasons import reason_of

MOST_APART = 1e-3  # relatively, in float32: an operation that mixes rows is further off
MAX_PARAMETERS_TRIED = 2**20  # in larger modules the trial takes long, and one row fills a processor
DIFFER = "two rows side by side give other numbers than one after the other"
LEAST = 1e-3  # of the largest number: smaller tensors are compared with that


def why_alone(
    passes: ModulePass, states: Sequence[Mapping[str, Tensor]], images: Tensor, rates: Sequence[float]
) -> str:
    """Return why rows of these states cannot pass side by side, "" if they can.

    Compared are scores, gradients and buffers of training, and predictions, where each row has images of its
    own and where rows share a batch: then what a module makes of the images alone belongs to no row.
    """
    parameters = sum(states[0][name].numel() for name in passes.parameters)
    if parameters > MAX_PARAMETERS_TRIED:
        return (
            f"it has {parameters:,} parameters, and modules of over {MAX_PARAMETERS_TRIED:,} are not vmapped"
        )
    own = torch.stack([images.roll(row, 0) for row in range(len(states))], 1)  # (N, K, C, H, W)
    shared = images[:, None].expand(-1, len(states), *(-1,) * (images.dim() - 1))
    return _why(passes, states, own, rates) or _why(passes, states, shared, rates)


def _why(
    passes: ModulePass, states: Sequence[Mapping[str, Tensor]], x: Tensor, rates: Sequence[float]
) -> str:
    """Return the same for images (N, K, C, H, W)."""
    if (why := _difference(passes, states, x, rates)) is not DIFFER:
        return why
    # Rounding grows where a batch of two images is normalized: more digits decide.
    wide = [{name: _widened(own) for name, own in state.items()} for state in states]
    try:
        return _difference(passes.on(x.device, torch.float64), wide, _widened(x), rates)
    except Exception:  # the module makes numbers of float32 itself
        return DIFFER


def _widened(own: Tensor) -> Tensor:
    return own.double() if own.is_floating_point() else own


def _difference(
    passes: ModulePass, states: Sequence[Mapping[str, Tensor]], x: Tensor, rates: Sequence[float]
) -> str:
    """Return how rows side by side differ from rows one after the other; "" if they do not."""
    parameters, buffers = (
        [torch.stack(own) for own in zip(*parts, strict=True)]
        for parts in zip(*(passes.parts(state) for state in states), strict=True)
    )
    every = [slice(k, k + 1) for k in range(len(states))]
    apart = [_results(passes, parameters, buffers, x, rates, row) for row in every]
    try:
        with _rules_only():
            together = _results(passes, parameters, buffers, x, rates, slice(None))
    except Exception as error:  # whatever the module does that cannot be done for several rows at once
        return reason_of(error)
    expected = [torch.cat(each) for each in zip(*apart, strict=True)]
    # A gradient that is 0 on paper, as of a bias before a normalization, is noise beside the others.
    least = LEAST * max(float(own.abs().max()) for own in expected)
    close = all(
        own.shape == wanted.shape
        and float((own - wanted).abs().max()) <= MOST_APART * max(float(wanted.abs().max()), least)
        for own, wanted in zip(together, expected, strict=True)
    )
    return "" if close else DIFFER


def _results(
    passes: ModulePass,
    parameters: Sequence[Tensor],
    buffers: Sequence[Tensor],
    images: Tensor,
    rates: Sequence[float],
    rows: slice,
) -> list[Tensor]:
    """Return what the rows give, each tensor (k, …)."""
    own = [part[rows].clone().requires_grad_() for part in parameters]
    kept = [part[rows].clone() for part in buffers]
    count = len(own[0])
    seeds = torch.arange(1, len(parameters[0]) + 1, dtype=torch.int32)[rows]
    hypers = {rate.path: torch.full((count,), 0.5) for rate in rates if isinstance(rate, RowNumber)}
    context = Context(hypers, frozenset(), seeds, torch.ones_like(seeds), Mode.TRAIN)
    x = images[:, rows]
    with torch.enable_grad():
        scores = passes.rows(own, kept, x, row_masks(rates, context, x.dtype), True)
        weights = torch.linspace(-1, 1, scores[:, 0].numel(), dtype=scores.dtype).view_as(scores[:, 0])[
            :, None
        ]
        total = (scores * weights).sum()
        slopes = torch.autograd.grad(total, own, allow_unused=True, materialize_grads=True)
    with torch.no_grad():
        predicted = passes.rows([part.detach() for part in own], kept, x, (), False)
    found = [scores.detach().transpose(0, 1), predicted.transpose(0, 1), *slopes, *kept]
    return [part.double() for part in found if part.numel()]


@contextmanager
def _rules_only() -> Iterator[None]:
    """Refuse operations for which vmap has no rule: it would do them row by row, each by itself."""
    switch: Any = _functorch
    before = switch._is_vmap_fallback_enabled()
    switch._set_vmap_fallback_enabled(False)
    try:
        yield
    finally:
        switch._set_vmap_fallback_enabled(before)
