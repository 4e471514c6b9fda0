"""What passes on two images show of a module: its rows, its cost, and whether vmap takes it."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.func import functional_call

from cnnlab.errors import ConfigError
from cnnlab.hyper import Number
from cnnlab.layer import Buffer, Parameter, Shape
from cnnlab.own.module_pass import ModulePass, names_of, state_of
from cnnlab.own.module_roles import parameter_of
from cnnlab.own.module_source import ModuleSource, generator_in_use
from cnnlab.own.seeded_dropout import DropoutCalls, RowNumber
from cnnlab.own.two_rows import why_alone

IMAGES = 2  # of a pass
TRAINING_CALLS = 3  # calls that must agree: of numbers that are seldom drawn two may be equal


@dataclass(frozen=True)
class ModuleFacts:
    """What is known of a module.

    `parameters` are trained; `buffers` are numbers that training changes without a gradient, or that the seed
    decides. `rates` are those of dropout, call by call. `alone` is why rows cannot pass side by side, ""
    where they can. multiply_adds and activations are of one image.
    """

    parameters: tuple[Parameter, ...]
    buffers: tuple[Buffer, ...]
    types: tuple[torch.dtype, ...]  # of the buffers
    passes: ModulePass
    rates: tuple[float, ...]
    multiply_adds: int
    activations: int
    alone: str


def examine(source: ModuleSource, shape: Shape, classes: int, numbers: Mapping[str, Number]) -> ModuleFacts:
    """Return what is known of a module; `numbers` are the hyperparameters of rows, by path.

    ConfigError at "model", with file and line, where it returns no scores (N, classes), has nothing to train,
    predicts differently at each call, draws random numbers besides dropout, or uses a number of rows for
    more than a rate of dropout.
    """
    with generator_in_use, torch.random.fork_rng(devices=()):
        return _Examination(source, shape, classes).facts(numbers)


class _Passed(NamedTuple):
    """Scores with fixed factors in the place of dropout, and its rates, those of rows by their path."""

    scores: Tensor
    rates: list[str]


class _Examination:
    def __init__(self, source: ModuleSource, shape: Shape, classes: int) -> None:
        self._source, self._shape, self._classes = source, shape, classes
        self._modules = [source.make(seed) for seed in (1, 2)]
        self._images = torch.randn(IMAGES, *shape, generator=torch.Generator().manual_seed(1))
        self._names = names_of(self._modules[0])
        self._check_parameters()

    def facts(self, numbers: Mapping[str, Number]) -> ModuleFacts:
        module = self._modules[0]
        first, other = (
            {n: own.clone() for n, own in state_of(each, self._names).items()} for each in self._modules
        )
        self._check_start(first)
        trained = {name for name, own in module.named_parameters() if own.requires_grad}
        self._check_scores()
        multiply_adds = self._count_work()
        rates, activations = self._train()
        moved = self._moved(first, trained)
        rows = [
            name
            for name in first
            if name not in trained and (name in moved or not torch.equal(first[name], other[name]))
        ]
        constants = {name: own for name, own in first.items() if name not in trained and name not in rows}
        names = [name for name in first if name in trained]
        passes = ModulePass(module, self._names, tuple(names), tuple(rows), constants)
        self._check_numbers(numbers, passes, first)
        with self._source.blamed("forward failed with the parameters of a row"):
            alone = why_alone(passes, [first, other], self._images, rates)
        passes.empty()
        return ModuleFacts(
            tuple(parameter_of(module, name, first[name]) for name in names),
            tuple(Buffer(name, tuple(first[name].shape), 0.0) for name in rows),
            tuple(first[name].dtype for name in rows),
            passes,
            rates,
            multiply_adds,
            activations,
            alone,
        )

    def _check_start(self, first: Mapping[str, Tensor]) -> None:
        """Refuse first weights that the same seed does not give again."""
        again = self._source.make(1)
        if names_of(again) != self._names or not _same_state(first, state_of(again, self._names)):
            raise ConfigError(
                "model",
                f"{self._source.at}: must return a module with the same first weights for the same seed; "
                "two calls after torch.manual_seed(1) gave others",
            )

    def _moved(self, first: Mapping[str, Tensor], trained: Collection[str]) -> set[str]:
        """Return the buffers that training changes, and refuse what else it keeps from call to call.

        They begin at other numbers than the module's own: a mean of numbers that are 0 as long as the module
        is new would stay as it is.
        """
        generator = torch.Generator().manual_seed(2)
        start = {
            name: own + torch.rand(own.shape, generator=generator).to(own)
            if name not in trained and own.is_floating_point()
            else own
            for name, own in first.items()
        }
        moved: set[str] = set()
        for begin in (start, first):
            found = []
            for _ in range(TRAINING_CALLS):
                state = {name: own.clone() for name, own in begin.items()}
                values = {name: state[kept] for name, kept in self._names.items()}
                module = self._modules[0].train()
                with (
                    torch.no_grad(),
                    DropoutCalls(lambda x, *_: x * 0.5),
                    self._source.blamed("forward failed in training"),
                    self._source.drawing_from_torch("numbers in forward"),
                ):
                    found.append(functional_call(module, values, (self._images.clone(),), tie_weights=False))
                moved |= {name for name, own in state.items() if not torch.equal(own, begin[name])}
            if not all(torch.equal(found[0].nan_to_num(), own.nan_to_num()) for own in found):
                raise ConfigError(
                    "model",
                    f"{self._source.at}: two calls in training with the same images and numbers must return "
                    "the same scores, got others: forward keeps a state that is no buffer, or draws "
                    "random numbers besides dropout",
                )
        return moved - set(trained)

    def _check_parameters(self) -> None:
        source, module = self._source, self._modules[0]
        own = {name: part for name, part in module.named_parameters() if part.requires_grad}
        if not own:
            raise ConfigError(
                "model", f"{source.at}: must return a module with parameters to train, got one without"
            )
        for name, part in own.items():
            if not part.dtype.is_floating_point:
                raise ConfigError(
                    "model", f"{source.at}: parameters must be real numbers, but {name} is {part.dtype}"
                )

    def _check_scores(self) -> None:
        """Check what it predicts, twice."""
        at, wanted = self._source.at, (IMAGES, self._classes)
        with torch.no_grad():
            scores = [self._called(training=False) for _ in range(2)]
        first = scores[0]
        if not isinstance(first, Tensor):
            came = f"a tuple of {len(first)}" if isinstance(first, tuple) else type(first).__name__
            raise ConfigError("model", f"{at}: forward must return scores, a tensor (N, classes), got {came}")
        if tuple(first.shape) != wanted or not first.is_floating_point():
            raise ConfigError(
                "model",
                f"{at}: forward must return {self._classes} scores for an image, (N, {self._classes}); "
                f"got {str(first.dtype).removeprefix('torch.')} {tuple(first.shape)} for {IMAGES} images",
            )
        if not torch.equal(first.nan_to_num(), scores[1].nan_to_num()):
            raise ConfigError(
                "model",
                f"{at}: two calls in eval mode on the same images must return the same scores, got others: "
                "forward keeps a state, or draws random numbers without asking self.training",
            )

    def _called(self, *, training: bool) -> Any:
        module, (maps, height, width) = self._modules[0].train(training), self._shape
        mode = "training" if training else "eval mode"
        with self._source.blamed(f"forward failed in {mode} on {IMAGES} images of {maps}×{height}×{width}"):
            return module(self._images.clone())

    def _count_work(self) -> int:
        """Return the multiply-adds of one image, as torch counts them: of products and convolutions."""
        # Only here: with it comes triton, as long an import as all else that a model's files need.
        from torch.utils.flop_counter import FlopCounterMode

        with FlopCounterMode(display=False) as counted, torch.no_grad():
            self._called(training=False)
        return int(counted.get_total_flops()) // (2 * IMAGES)

    def _train(self) -> tuple[tuple[float, ...], int]:
        """Return the rates of dropout, call by call, and how many numbers are kept of one image."""
        rates: list[float] = []
        kept: dict[int, int] = {}
        weights = {own.untyped_storage().data_ptr() for own in self._modules[0].parameters()}

        def note(x: Tensor, rate: float, axes: int | None) -> Tensor:
            rates.append(rate)
            return x * 1.0  # a tensor of its own, as with a mask

        def keep(x: Tensor) -> Tensor:
            storage = x.untyped_storage()
            if storage.data_ptr() not in weights:
                kept[storage.data_ptr()] = storage.nbytes() // max(1, x.element_size())
            return x

        before = torch.get_rng_state()
        with DropoutCalls(note), torch.autograd.graph.saved_tensors_hooks(keep, lambda x: x):
            scores = self._called(training=True)
        random = not torch.equal(before, torch.get_rng_state())
        at = self._source.at
        if not isinstance(scores, Tensor) or tuple(scores.shape) != (IMAGES, self._classes):
            came = tuple(scores.shape) if isinstance(scores, Tensor) else type(scores).__name__
            raise ConfigError(
                "model",
                f"{at}: forward must return scores (N, {self._classes}) in training too, got {came}",
            )
        if not scores.requires_grad:
            raise ConfigError(
                "model", f"{at}: scores must depend on the parameters by operations with a gradient"
            )
        if random:
            raise ConfigError(
                "model",
                f"{at}: forward draws random numbers in training, which would differ in every packing of "
                "trials; it must drop out by nn.Dropout, Dropout1d, 2d or 3d, and attention not at all",
            )
        return tuple(rates), sum(kept.values()) // IMAGES

    def _check_numbers(
        self, numbers: Mapping[str, Number], passes: ModulePass, state: Mapping[str, Tensor]
    ) -> None:
        """Refuse a number of rows that is more than a rate of dropout: nothing else may depend on it."""
        for path, number in numbers.items():
            value = self._source.rows[path]
            value = number.low if value != number.low else (number.low + number.high) / 2
            other = self._source.with_numbers({path: value}).make(1)
            if names_of(other) == self._names and _same_state(state_of(other, self._names), state):
                twin = replace(passes, module=other)
                modes = (True, False)
                if all(
                    self._same(self._passed(passes, state, t), self._passed(twin, state, t)) for t in modes
                ):
                    continue
            name = path.rpartition(".")[2]
            raise ConfigError(
                "model",
                f"{self._source.at}: {name} must be a rate of dropout and nothing else, because trials that "
                f"differ in it share an array; annotate it Number[{number.low:g}, {number.high:g}].per_array",
            )

    def _passed(self, passes: ModulePass, state: Mapping[str, Tensor], training: bool) -> _Passed:
        rates: list[str] = []

        def drop(x: Tensor, rate: float, axes: int | None) -> Tensor:
            rates.append(rate.path if isinstance(rate, RowNumber) else repr(rate))
            return x * 0.5

        parameters, buffers = passes.parts(state)
        with self._source.blamed("forward failed"), torch.no_grad(), DropoutCalls(drop):
            scores = passes.one(parameters, [own.clone() for own in buffers], self._images.clone(), training)
        return _Passed(scores, rates)

    @staticmethod
    def _same(one: _Passed, other: _Passed) -> bool:
        return one.rates == other.rates and torch.equal(one.scores.nan_to_num(), other.scores.nan_to_num())


def _same_state(one: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> bool:
    return all(torch.equal(own, other[name]) for name, own in one.items())
