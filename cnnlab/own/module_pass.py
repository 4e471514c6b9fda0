"""Passes of rows through a module whose parameters and buffers are theirs: side by side, or one row alone."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.attention import SDPBackend, sdpa_kernel

from cnnlab.layer import shared, shared_batch
from cnnlab.own.seeded_dropout import RowMask, SeededDropout


def names_of(module: nn.Module) -> dict[str, str]:
    """Return for every name of a parameter or buffer the first name of its tensor: weights may be shared."""
    parts = [*module.named_parameters(remove_duplicate=False), *module.named_buffers(remove_duplicate=False)]
    first: dict[int, str] = {}
    return {name: first.setdefault(id(part), name) for name, part in parts}


def state_of(module: nn.Module, names: Mapping[str, str]) -> dict[str, Tensor]:
    """Return parameters and buffers by the names under which they are kept, without a gradient."""
    parts = dict([*module.named_parameters(), *module.named_buffers()])
    return {name: parts[name].detach() for name in dict.fromkeys(names.values())}


@dataclass(frozen=True)
class ModulePass:
    """A module without numbers of its own: each pass brings them.

    `names` as `names_of`; `parameters` and `buffers` are the names of those that rows have, `constants` are
    all other tensors, by name.
    """

    module: nn.Module
    names: Mapping[str, str]
    parameters: tuple[str, ...]
    buffers: tuple[str, ...]
    constants: Mapping[str, Tensor]

    def parts(self, state: Mapping[str, Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        """Return the parameters and buffers of rows in a state."""
        return [state[name] for name in self.parameters], [state[name] for name in self.buffers]

    def on(self, device: torch.device, dtype: torch.dtype) -> "ModulePass":
        """Return the same with constants on a device, real ones of a type."""
        moved = {
            name: own.to(device, dtype) if own.is_floating_point() else own.to(device)
            for name, own in self.constants.items()
        }
        return replace(self, constants=moved)

    def empty(self) -> None:
        """Free the memory of the module's own numbers; it can only be called with others from now on."""
        for path, owner in self.module.named_modules():
            for name, part in owner.named_parameters(recurse=False):
                if f"{path}.{name}".lstrip(".") in self.names:
                    setattr(owner, name, nn.Parameter(part.to("meta"), part.requires_grad))

    def one(
        self, parameters: Sequence[Tensor], buffers: Sequence[Tensor], x: Tensor, training: bool
    ) -> Tensor:
        """Return the scores (N, classes) of one row; in training its buffers may change in place."""
        if self.module.training != training:
            self.module.train(training)
        own = dict(zip(self.parameters, parameters, strict=True)) | dict(
            zip(self.buffers, buffers, strict=True)
        )
        own |= self.constants
        values = {name: own[kept] for name, kept in self.names.items()}
        scores: Tensor = functional_call(self.module, values, (x,), tie_weights=False)
        return scores

    def rows(
        self,
        parameters: Sequence[Tensor],
        buffers: Sequence[Tensor],
        x: Tensor,
        masks: Sequence[RowMask | None],
        training: bool,
    ) -> Tensor:
        """Return the scores (N, K, classes) of images (N, K, C, H, W), for parameters and buffers (K, …).

        A single row passes as it is, more of them by vmap. In training the buffers may change in place: they
        must be contiguous, or vmap would change copies.
        """
        if len(parameters[0]) == 1:
            own = [[each[0] for each in parts] for parts in (parameters, buffers)]
            with SeededDropout(masks, batched=False) if masks and training else nullcontext():
                return self.one(own[0], own[1], shared_batch(x) if shared(x) else x[:, 0], training)[:, None]
        calls = [call for call, mask in enumerate(masks) if mask is not None]

        def one(p: list[Tensor], b: list[Tensor], own: list[RowMask], images: Tensor) -> Tensor:
            found: list[RowMask | None] = [None] * len(masks)
            for call, mask in zip(calls, own, strict=True):
                found[call] = mask
            with SeededDropout(found, batched=True) if masks and training else nullcontext():
                return self.one(p, b, images, training)

        seen, axis = (shared_batch(x), None) if shared(x) else (x, 1)
        # Maps outermost: with channels innermost, vmap's normalizations go through memory in leaps.
        seen = seen.clone(memory_format=torch.contiguous_format)
        given = [mask for mask in masks if mask is not None]
        with batched_attention():
            across = torch.vmap(one, in_dims=(0, 0, 0, axis), out_dims=1, randomness="error")
            scores: Tensor = across(list(parameters), list(buffers), given, seen)
        return scores


@contextmanager
def batched_attention() -> Iterator[None]:
    """Compute attention by products, for which vmap has rules, and not by one operation."""
    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with sdpa_kernel(SDPBackend.MATH):
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)
