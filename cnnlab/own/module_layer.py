"""A module of one's own as the one layer of a net."""

from collections.abc import Mapping, Sequence
from functools import cache, lru_cache
from threading import RLock

import torch
from torch import Tensor, nn

from cnnlab.errors import ConfigError
from cnnlab.hyper import Number
from cnnlab.layer import Context, Layer, Mode, Shape
from cnnlab.own.module_facts import examine
from cnnlab.own.module_pass import ModulePass, names_of, state_of
from cnnlab.own.module_source import ModuleSource
from cnnlab.own.seeded_dropout import RowNumber, row_masks


class ModuleLayer(Layer):
    """The rows of a module: its parameters and buffers, called by torch.func.functional_call, under vmap.

    A parameter's name is the module's own. A single row is called without vmap; where vmap cannot be used,
    `alone` is the reason, and every row is a single one.
    """

    whole_batches = True  # a module may mix the images of a batch
    tried = True
    by_vmap = True

    def __init__(
        self, source: ModuleSource, shape: Shape, classes: int, numbers: Mapping[str, Number]
    ) -> None:
        facts = examine(source, shape, classes, numbers)
        self._source, self._classes = source, classes
        self._passes, self._types, self._rates = facts.passes, facts.types, facts.rates
        self._multiply_adds, self._activations = facts.multiply_adds, facts.activations
        self.parameters, self.buffers, self.alone = facts.parameters, facts.buffers, facts.alone
        self.random = tuple(dict.fromkeys(rate.path for rate in facts.rates if isinstance(rate, RowNumber)))
        self._in_use = RLock()  # a pass changes what the module holds
        self._moved = cache(self._passes.on)
        self._tried = lru_cache(maxsize=1024)(self._try)

    def output(self, shape: Shape) -> Shape:
        """Return (classes,)."""
        return (self._classes,)

    def multiply_adds(self, shape: Shape) -> int:
        """Return them as torch's counter of operations does, for products and convolutions."""
        return self._multiply_adds

    def connections(self, shape: Shape) -> int:
        """Return the multiply-adds: which of a module's numbers are biases of how many units is not known."""
        return self._multiply_adds

    def activations(self, shape: Shape) -> int:
        """Return how many numbers autograd has kept of one image."""
        return max(1, self._activations)

    def start(self, seed: Tensor) -> tuple[Tensor, Tensor]:
        """Return what the module's own code draws after torch.manual_seed(seed mod 2³²), row by row."""
        rows = [self._start_row(int(own)) for own in seed]
        parameters, buffers = zip(*rows, strict=True)
        return torch.stack(parameters), torch.stack(buffers)

    def _start_row(self, seed: int) -> tuple[Tensor, Tensor]:
        made = self._source.make(seed % 2**32)
        names = names_of(made)
        if names != self._passes.names:
            raise ConfigError(
                "model", f"{self._source.at}: must return a module of the same parts whatever the seed"
            )
        empty = torch.zeros(0, dtype=torch.float64)
        parameters, buffers = self._passes.parts(state_of(made, names))
        return (
            torch.cat([empty, *(part.double().flatten() for part in parameters)]),
            torch.cat([empty, *(part.double().flatten() for part in buffers)]),
        )

    def check(self, numbers: Mapping[str, float]) -> None:
        """Refuse numbers of a row with which the module cannot be made."""
        self._tried(tuple((path, numbers[path]) for path in self._source.rows))

    def _try(self, numbers: tuple[tuple[str, float], ...]) -> None:
        self._source.with_numbers(dict(numbers)).make(1)

    def module(self, numbers: Mapping[str, float]) -> nn.Module:
        """Return the module itself, with untrained weights, made with these numbers of a row, by path."""
        return self._source.with_numbers(numbers).make(0)

    def forward(self, x: Tensor, p: Sequence[Tensor], b: Sequence[Tensor], context: Context) -> Tensor:
        """Return the scores, (N, K, classes)."""
        training = context.mode is Mode.TRAIN
        masks = row_masks(self._rates, context, p[0].dtype) if training else ()
        # vmap changes a copy of a view that is not contiguous; and whole numbers have a type of their own.
        kept = [
            own.detach()
            .to(kind if not kind.is_floating_point else own.dtype)
            .clone(memory_format=torch.contiguous_format)
            for own, kind in zip(b, self._types, strict=True)
        ]
        passes: ModulePass = self._moved(x.device, p[0].dtype)
        with self._in_use:
            scores = passes.rows(p, kept, x, masks, training)
        if training:
            for own, moved in zip(b, kept, strict=True):
                own.copy_(moved)
        return scores
