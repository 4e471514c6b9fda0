"""A network as a chain of layers over rows: its parameter table, first weights and forward pass."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Any

import torch
from torch import Tensor

from cnnlab import registry, rng
from cnnlab.chain import Chain
from cnnlab.data import seen
from cnnlab.initializer import Initializer
from cnnlab.layer import Buffer, Context, Layer, Parameter, Shape


@dataclass(frozen=True)
class Work:
    """The cost of one image's forward pass: links, multiply-adds, and numbers kept for the backward pass."""

    connections: int
    multiply_adds: int
    activations: int


class Net:
    """A chain of named layers for images of one shape.

    `table` lists the parameters in the order of a row: P numbers; `buffers` likewise, Q numbers.
    """

    def __init__(self, layers: Mapping[str, Layer], shape: Shape) -> None:
        self.chain = Chain(layers)
        self.layers = self.chain.layers
        self.random = self.chain.random
        self.shape = shape
        self.table: list[Parameter] = []
        self.parameters = 0  # P
        self.buffers = list(self.chain.buffers)
        for own in self.chain.parameters:
            self.table.append(replace(own, offset=self.parameters))
            self.parameters += prod(own.shape)
        self._sizes = [prod(parameter.shape) for parameter in self.table]
        self._buffer_sizes = [prod(buffer.shape) for buffer in self.buffers]
        self.buffered = sum(self._buffer_sizes)  # Q
        self.work = Work(
            self.chain.connections(shape),
            self.chain.multiply_adds(shape),
            prod(shape) + self.chain.activations(shape),
        )

    def start(self, seed: Tensor) -> Tensor:
        """Return the first weights of each row, float64 (K, P), as a function of its seed, int32 (K,)."""
        parts, place = [], 0
        for layer in self.layers.values():
            if own := layer.start(seed):
                parts.append(own[0])
            else:
                parts += [self._drawn(seed, place + i) for i in range(len(layer.parameters))]
            place += len(layer.parameters)
        return torch.cat(parts, 1)

    def _drawn(self, seed: Tensor, place: int) -> Tensor:
        """Return the first values of one parameter of the table, (K, its size)."""
        parameter, size = self.table[place], self._sizes[place]
        entry: Initializer = registry.get("initializers", parameter.initializer)()
        u = rng.uniform(seed, rng.WEIGHTS + place * rng.STREAMS, torch.zeros_like(seed), size)
        return entry.value(u, parameter.fan_in, parameter.fan_out)

    def start_buffers(self, rows: int, seed: Tensor | None = None) -> Tensor:
        """Return the first buffers, float64 (K, Q); `seed` (K,) is for layers that make their own."""
        parts = [torch.zeros(rows, 0, dtype=torch.float64)]
        for layer in self.layers.values():
            if seed is not None and layer.buffers and (own := layer.start(seed)):
                parts.append(own[1])
            else:
                parts += [
                    torch.full((rows, prod(buffer.shape)), buffer.start, dtype=torch.float64)
                    for buffer in layer.buffers
                ]
        return torch.cat(parts, 1)

    @property
    def needs_population(self) -> bool:
        """Whether predictions need statistics of all training images at the present weights.

        Then every measurement is preceded by `reset_population` and one `forward` in `Mode.POPULATION` for
        each training batch, of the size used in training: a step changes the statistics.
        """
        return any(buffer.population for buffer in self.buffers)

    def reset_population(self, buffers: Tensor) -> None:
        """Set the buffers of the population back to their first values, in place: buffers are (K, Q)."""
        for own, part in zip(self.buffers, _cut(buffers, self._buffer_sizes), strict=True):
            if own.population:
                part.fill_(own.start)

    def weights(self) -> Tensor:
        """Return which parameters are weights, not biases, scales or shifts: bool (P,)."""
        sizes = torch.tensor(self._sizes)
        return torch.tensor([own.role == "weight" for own in self.table]).repeat_interleave(sizes)

    def views(self, theta: Tensor) -> list[Tensor]:
        """Return the parameters of rows (K, P), each (K, …) in its own shape, as views."""
        parts = torch.split(theta, self._sizes, 1)
        return [part.view(len(theta), *own.shape) for part, own in zip(parts, self.table, strict=True)]

    def forward(self, theta: Tensor, buffers: Tensor, x: Tensor, context: Context) -> Tensor:
        """Return the scores (N, K, classes); except in Mode.PREDICT, buffers may change in place."""
        return self.apply(self.views(theta), buffers, x, context)

    def apply(self, parameters: Sequence[Tensor], buffers: Tensor, x: Tensor, context: Context) -> Tensor:
        """Return the same for parameters that are tensors of their own, as `views` returns them."""
        kept = _cut(buffers, self._buffer_sizes)
        b = [part.view(len(buffers), *own.shape) for part, own in zip(kept, self.buffers, strict=True)]
        context.layer = 0
        return self.chain.forward(x, parameters, b, context)

    def named(self, theta: Tensor, buffers: Tensor) -> dict[str, Tensor]:
        """Return one row's parameters (P,) and buffers (Q,) by name, each in its own shape."""
        owners: list[Parameter | Buffer] = [*self.table, *self.buffers]
        parts = [*torch.split(theta, self._sizes), *_cut(buffers, self._buffer_sizes)]
        return {own.name: part.reshape(own.shape).clone() for own, part in zip(owners, parts, strict=True)}


def _cut(buffers: Tensor, sizes: list[int]) -> Sequence[Tensor]:
    """Split the last axis; torch.split() does not accept an empty list of sizes."""
    return torch.split(buffers, sizes, -1) if sizes else ()


def build(config: Mapping[str, Any]) -> Net:
    """Return the net of a resolved config; ConfigError at "model" if the images do not fit it."""
    info = seen(config["data"])
    model = registry.get("models", config["model"]["name"])()
    return Net(model.layers(config["model"], info.shape, info.classes), info.shape)
