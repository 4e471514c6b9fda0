"""What every layer is: a function of the activations of K trials, with parameters that are views of rows."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from functools import cached_property
from math import prod
from typing import Literal, NamedTuple

from torch import Tensor

from cnnlab import rng
from cnnlab.errors import CnnlabError
from cnnlab.kernels.way_choices import WayChoices
from cnnlab.plain_code import PlainCode, TrainedLayer

Shape = tuple[int, ...]
Role = Literal["weight", "bias", "scale", "shift"]


@dataclass(frozen=True)
class Parameter:
    """One parameter of a layer; in a net's table it has its offset in a row.

    unit_axis is the axis of `shape` that counts the units (feature maps, neurons); fan_in the inputs of one.
    """

    name: str
    shape: Shape
    role: Role
    fan_in: int
    initializer: str
    unit_axis: int = 0
    offset: int = 0

    @property
    def fan_out(self) -> int:
        """Return the outputs of one input, as torch counts them: units × positions of a filter."""
        return self.shape[self.unit_axis] * prod(self.shape[2:])


@dataclass(frozen=True)
class Buffer:
    """Numbers of a layer that training changes without a gradient.

    Those of the `population` are filled by a pass over all training images instead, at the present weights.
    """

    name: str
    shape: Shape
    start: float
    population: bool = False


class Mode(Enum):
    """What a forward pass is for.

    POPULATION predicts, and adds a batch of training images to the buffers of the population.
    """

    TRAIN = auto()
    PREDICT = auto()
    POPULATION = auto()


Make = Callable[["Context"], Tensor]


class Kept(NamedTuple):
    """What depends on hyperparameters and seeds alone, and the function of a context that makes it."""

    tensor: Tensor
    make: Make


@dataclass
class Context:
    """What a layer may read besides its activations and parameters.

    Hyperparameters are (K,) by their path in a config; those in `all_zero` are 0 in every row
    of every array of the shape. `first` is the
    index in the batch of the first image, where a batch is evaluated in parts; `layer` is the layer's index
    in the net. Layers with auxiliary scores append a weight (K,) and scores (N, K, classes) to `auxiliary`
    while training. `kept` holds what depends on hyperparameters and seeds alone, with the function that made
    it, and outlives the pass; so do the `ways`, which compute 2-d convolutions.
    """

    hypers: Mapping[str, Tensor]
    all_zero: frozenset[str]
    seed: Tensor  # (K,) int32
    step: Tensor  # (K,) int32
    mode: Mode
    first: int = 0
    layer: int = 0
    auxiliary: list[tuple[Tensor, Tensor]] = field(default_factory=list)
    kept: dict[Hashable, Kept] = field(default_factory=dict)
    ways: WayChoices = field(default_factory=WayChoices)

    @cached_property
    def step_key(self) -> Tensor:
        """Return what random numbers of any layer need of the step, int32 (K,)."""
        return rng.step_key(self.step)

    def keep(self, name: Hashable, make: Make) -> Tensor:
        """Return what was kept under a name; at first, make it of this context."""
        if name not in self.kept:
            self.kept[name] = Kept(make(self), make)
        return self.kept[name].tensor

    def renew_kept(self) -> None:
        """Make again what is kept, of the present hyperparameters and seeds; its addresses stay."""
        for kept in self.kept.values():
            kept.tensor.copy_(kept.make(self))


class Layer(ABC):
    """A file in layers/ holds one of these.

    Activations are (N, K, C, H, W) or (N, K, F). A batch that all rows share has stride 0 over K.
    No operation of a layer mixes rows.
    """

    parameters: tuple[Parameter, ...] = ()
    buffers: tuple[Buffer, ...] = ()
    random: tuple[str, ...] = ()  # paths of hyperparameters: where they are 0, nothing is random
    compiled: bool = False  # whether it is an operation that can be compiled, or holds one
    layer_count: int = 1  # how many indices of `Context.layer` it takes: a composite's are its layers'
    whole_batches: bool = False  # whether a batch cannot be evaluated in parts: its images may be mixed
    tried: bool = False  # whether passes on images have shown what it returns
    by_vmap: bool = False  # whether rows pass side by side by torch.vmap
    alone: str = ""  # why the rows of an array cannot pass through it side by side

    @classmethod
    def example(cls) -> tuple["Layer", Shape]:
        """Return a small layer and the shape of its input, for the tests that every layer must pass."""
        return cls(), (2, 6, 5)

    def output(self, shape: Shape) -> Shape:
        """Return the shape of one image's output; ConfigError at "model" if the input does not fit."""
        return shape

    def multiply_adds(self, shape: Shape) -> int:
        """Return the multiplications of a weight with an input, for one image of this input shape."""
        return 0

    def connections(self, shape: Shape) -> int:
        """Return the links as LeCun et al. (1998) count them: every use of a weight or a bias."""
        return 0

    def activations(self, shape: Shape) -> int:
        """Return how many numbers one image of this input shape keeps for the backward pass."""
        return prod(self.output(shape))

    def start(self, seed: Tensor) -> tuple[Tensor, Tensor] | None:
        """Return first parameters (K, P) and buffers (K, Q), float64, for seeds, int32 (K,).

        None where each parameter has an initializer and each buffer a start.
        """
        return None

    def check(self, numbers: Mapping[str, float]) -> None:
        """Raise ConfigError for numbers of a row, by path, that the layer cannot have."""
        return

    def with_relu(self) -> "Layer | None":
        """Return this layer and a ReLU behind it as one operation; None where there is no such operation."""
        return None

    def to_torch(self, trained: TrainedLayer) -> PlainCode:
        """Return the layer of one trial as plain torch, for predictions; CnnlabError where it has none."""
        raise CnnlabError(f"it must define to_torch(trained), which {type(self).__qualname__} does not")

    @abstractmethod
    def forward(self, x: Tensor, p: Sequence[Tensor], b: Sequence[Tensor], context: Context) -> Tensor:
        """Return the output; p and b are the layer's parameters and buffers, each (K, …)."""


def shared(x: Tensor) -> bool:
    """Whether all rows have the same numbers, so that work on them is done only once."""
    return x.shape[1] == 1 or x.stride(1) == 0


def shared_batch(x: Tensor) -> Tensor:
    """Return the numbers that all rows share, (N, …), of x (N, K, …).

    A row that is alone loses its axis by a view: the gradient of a selection is zeros in another layout, into
    which the slope is copied.
    """
    return x.squeeze(1) if x.shape[1] == 1 else x[:, 0]


def over_maps(function: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """Apply a function of (N, maps, H, W), independent for each map, to (N, K, C, H, W)."""
    if shared(x):
        y = function(shared_batch(x))
        return y[:, None].expand(-1, x.shape[1], *y.shape[1:])
    y = function(x.flatten(1, 2))
    return y.view(*x.shape[:3], *y.shape[2:])


def with_dense_slope(y: Tensor) -> Tensor:
    """Return y, whose gradient will be contiguous: how torch adds up one that lies otherwise depends on K."""
    if y.requires_grad:
        y.register_hook(_dense)  # type: ignore[no-untyped-call]
    return y


def _dense(slope: Tensor | None) -> Tensor | None:
    return None if slope is None else slope.contiguous()
