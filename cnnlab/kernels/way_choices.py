"""Which way computes each convolution of an array: as recorded, else as timed, else grouped."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from types import MappingProxyType

import torch
from torch import Tensor

from cnnlab.errors import CnnlabError, RegistryError
from cnnlab.kernels import ways
from cnnlab.kernels.convolution_way import ConvolutionTask, ConvolutionWay, WhereRelu

DEFAULT = "grouped"
# How far a way's outputs and gradients may be from those of the default, relative to the largest of these.
CLOSE = {torch.float64: 1e-10, torch.float32: 1e-2, torch.bfloat16: 5e-2}  # float32 may be TF32's

# The same for gradients through a pooling, in the root mean square: of two numbers that are as large up to
# rounding either one may be the largest of its window, and then the gradient goes to another place.
REROUTED = {torch.float64: 1e-4, torch.float32: 0.1, torch.bfloat16: 0.25}

# Returns the seconds that a function takes, which is given with the name of its way.
Timer = Callable[[str, Callable[[], None]], float]


class WayChoices:
    """The way of each task, by the task's name; what has none is computed by the default.

    Ways round differently, so a task is timed only while `timing` is on, and a choice that is there, as one
    that was recorded, is never timed again. RegistryError where a recorded way is unknown.
    """

    LEFT = (
        "met",
        "left_out",
        "_timer",
    )  # what timing has found: only what is chosen counts (engine/renewal.py)

    def __init__(self, recorded: Mapping[str, str] = MappingProxyType({})) -> None:
        self.chosen: dict[str, str] = {}
        self.met: list[str] = []  # the tasks among those that this array has
        self.left_out: dict[str, str] = {}  # reasons, by "way: task", why a way was not among those timed
        self._timer: Timer | None = None
        self.use(recorded)

    def use(self, recorded: Mapping[str, str]) -> None:
        """Compute these tasks in these ways from now on."""
        for name in recorded.values():
            ways.get(name)
        self.chosen |= recorded

    @contextmanager
    def timing(self, timer: Timer) -> Iterator[None]:
        """Have each task that has no way yet timed when it is met, and take the fastest."""
        self._timer = timer
        try:
            yield
        finally:
            self._timer = None

    def convolve(
        self, x: Tensor, weight: Tensor, bias: Tensor | None, padding: tuple[int, int], stride: int
    ) -> Tensor:
        """Return (N, K, outputs, H′, W′) of x (N, K, inputs, H, W): y = x ⋆ weight + bias, row by row."""
        return self._outcome(x, weight, bias, padding, stride, None)

    def convolve_and_pool(
        self, x: Tensor, weight: Tensor, bias: Tensor | None, padding: tuple[int, int], relu: WhereRelu
    ) -> Tensor:
        """Return the largest of each 2×2 window of that, and a ReLU where it stands."""
        return self._outcome(x, weight, bias, padding, 1, relu)

    def _outcome(
        self,
        x: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        padding: tuple[int, int],
        stride: int,
        pooled: WhereRelu | None,
    ) -> Tensor:
        def of(way: ConvolutionWay, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
            if pooled is None:
                return way.convolve(x, weight, bias, padding, stride)
            return way.convolve_and_pool(x, weight, bias, padding, pooled)

        if not self.chosen and self._timer is None:
            return of(ways.get(DEFAULT), x, weight, bias)
        task = ConvolutionTask.of(x, weight, padding, stride, pooled)
        if self._timer is not None:
            if str(task) not in self.chosen:
                self.chosen[str(task)] = self._fastest(self._timer, task, of, x, weight, bias)
            if str(task) not in self.met:
                self.met.append(str(task))
        way = ways.get(self.chosen.get(str(task), DEFAULT))
        if not way.takes(task, x):
            raise RegistryError(
                f"the recorded way to convolve {task} must work on {x.device.type} in {x.dtype}, "
                f"got {self.chosen[str(task)]}"
            )
        return of(way, x, weight, bias)

    def _fastest(
        self,
        timer: Timer,
        task: ConvolutionTask,
        of: Callable[..., Tensor],
        x: Tensor,
        weight: Tensor,
        bias: Tensor | None,
    ) -> str:
        """Return the fastest of the ways that compute the task as the default does.

        Timed is what the pass needs: with gradients, the backward pass, too, of what has gradients here.
        """
        needs = torch.is_grad_enabled()
        given = [
            t if t is None else t.detach().requires_grad_(needs and t.requires_grad)
            for t in (x, weight, bias)
        ]
        with_slope = [t for t in given if t is not None and t.requires_grad]
        y = of(ways.get(DEFAULT), *given).detach()
        # As dense as that of a step, which the sum's own is not. Neighbours differ: else a gradient with its
        # terms in the wrong order would be the right one.
        slope = torch.arange(y.numel(), dtype=torch.int32, device=y.device).remainder(7).add(1)
        slope = slope.to(y.dtype).view(y.shape)

        def outcomes(way: ConvolutionWay) -> list[tuple[str, Tensor]]:
            y = of(way, *given)
            if not with_slope:
                return [("outputs", y)]
            slopes = torch.autograd.grad((y * slope).sum(), with_slope)
            return [("outputs", y.detach()), *(("gradients", each) for each in slopes)]

        def once(way: ConvolutionWay) -> None:
            outcomes(way)

        expected = outcomes(ways.get(DEFAULT))
        seconds = {DEFAULT: timer(DEFAULT, partial(once, ways.get(DEFAULT)))}
        for name in ways.names():
            way = ways.get(name)
            if name == DEFAULT or not way.takes(task, x):
                continue
            try:
                for (what, own), (_, right) in zip(outcomes(way), expected, strict=True):
                    rerouted = what == "gradients" and task.pooled is not None
                    away = _mean_distance(own, right) if rerouted else _distance(own, right)
                    if not away <= (REROUTED if rerouted else CLOSE)[right.dtype]:
                        raise CnnlabError(f"its {what} differ from those of {DEFAULT} by {away:.1e}")
                seconds[name] = timer(name, partial(once, way))
            except Exception as error:  # memory that is too short, a kernel that cannot be compiled here
                first = next(iter(str(error).splitlines()), type(error).__name__)
                self.left_out[f"{name}: {task}"] = first
        return min(seconds, key=seconds.__getitem__)


def _distance(found: Tensor, expected: Tensor) -> float:
    """Return the largest difference of two outcomes, relative to the largest expected number."""
    largest = expected.abs().max().clamp(min=torch.finfo(expected.dtype).tiny)
    return float((found - expected).abs().max() / largest)


def _mean_distance(found: Tensor, expected: Tensor) -> float:
    """Return the root mean square of the differences, relative to that of the expected numbers."""
    size = expected.double().norm().clamp(min=torch.finfo(expected.dtype).tiny)
    return float((found.double() - expected.double()).norm() / size)
