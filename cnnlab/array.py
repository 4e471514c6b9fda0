"""K trials as the rows of one array: one forward and backward pass for all, then each row's own formula."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from cnnlab import noise
from cnnlab.config import row_numbers
from cnnlab.errors import CnnlabError
from cnnlab.layer import Context
from cnnlab.loss import Loss
from cnnlab.net import Net
from cnnlab.optimizer import Optimizer
from cnnlab.pace import Pace
from cnnlab.runs import Run, penalties, runs

DTYPES = {"float32": torch.float32, "float64": torch.float64}


class Result(NamedTuple):
    """What a batch gave: the mean loss of each row without penalties, and how many images it got right."""

    loss: Tensor  # (K,)
    correct: Tensor  # (K,) int64


class Array:
    """K trials of one net; whatever belongs to a trial is a row of a tensor.

    theta (K, P) are the parameters, buffers (K, Q), slots a list of (K, P): what optimizers remember,
    as many as any row's optimizer needs; seed and steps int32 (K,). `epoch_steps` is how many steps make an
    epoch, for schedules that count epochs. Configs are resolved and share a shape
    key. No operation mixes rows: a trial that diverges is NaN in its own row and in no other.
    """

    def __init__(
        self, net: Net, configs: Sequence[Mapping[str, Any]], seeds: Sequence[int], device: str = "cpu"
    ) -> None:
        self.net, self.configs, self.device = net, list(configs), torch.device(device)
        self.dtype = DTYPES[configs[0]["train"]["precision"]]
        seed = torch.tensor([noise.fold(seed) for seed in seeds], dtype=torch.int32)
        self.seed = seed.to(self.device)
        self.steps = torch.zeros_like(self.seed)
        self.theta = net.start(seed).to(self.device, self.dtype)
        self.buffers = net.start_buffers(len(seeds)).to(self.device, self.dtype)
        self.slots: list[Tensor] = []
        self.epoch_steps = 1
        self.pace = Pace(configs, self.device)
        self._read_configs()

    def __len__(self) -> int:
        return len(self.configs)

    def _read_configs(self) -> None:
        """Make of the configs what a step needs, and as many slots as their optimizers ask for."""
        train = [config["train"] for config in self.configs]
        self._optimizers: list[Run[Optimizer]] = runs(
            "optimizers", [t["optimizer"] for t in train], self.device
        )
        self._losses: list[Run[Loss]] = runs("losses", [t["loss"] for t in train], self.device)
        self._penalties = penalties(self.configs, self.net.weights(), self.device, self.dtype)
        numbers = [row_numbers(config) for config in self.configs]
        self._hypers = {
            path: torch.tensor([row[path] for row in numbers], dtype=self.dtype, device=self.device)
            for path in numbers[0]
        }
        self._idle = frozenset(path for path in numbers[0] if not any(row[path] for row in numbers))
        needed = max(run.entry.slots for run in self._optimizers)
        self.slots = [*self.slots, *(torch.zeros_like(self.theta) for _ in range(needed))][:needed]

    def keep(self, rows: Sequence[int]) -> None:
        """Make these rows, in this order, the array: drop trials, or copy one by naming it twice."""
        index = torch.tensor(rows, device=self.device)
        self.configs = [self.configs[row] for row in rows]
        self.theta, self.buffers = self.theta[index], self.buffers[index]
        self.seed, self.steps = self.seed[index], self.steps[index]
        self.slots = [slot[index] for slot in self.slots]
        self.pace.keep(index, self.configs)
        self._read_configs()

    def step(self, x: Tensor, y: Tensor) -> Result:
        """Update every trial by one batch, (N, K, C, H, W) with classes (N, K); return its result."""
        moved = self.pace.at(self.steps, self.epoch_steps)
        self.steps += 1
        time = self.steps.double()[:, None]  # (K, 1)
        constants = [
            {
                name: value.to(self.dtype)
                for name, value in run.entry.constants(
                    {name: value[:, None] for name, value in _own(run, moved).items()}, time[run.rows]
                ).items()
            }
            for run in self._optimizers
        ]
        point = self._point(constants).detach().requires_grad_()
        scores = self.net.forward(point, self.buffers, x, self._context(training=True))
        losses = self._loss(scores, y)
        # The sum over trials: each row's gradient is its own, whatever K is.
        (gradient,) = torch.autograd.grad(losses.sum(), point)
        with torch.no_grad():
            for penalty in self._penalties:
                gradient = gradient.add_(penalty.entry.gradient(point, penalty.strength))
            if self._penalties:
                lr = self.pace.rates(self.steps - 1, self.epoch_steps)[:, None].to(self.dtype)  # (K, 1)
            for penalty in self._penalties:
                penalty.entry.before(self.theta, penalty.strength, lr)
            for run, c in zip(self._optimizers, constants, strict=True):
                slots = [slot[run.rows] for slot in self.slots[: run.entry.slots]]
                run.entry.update(self.theta[run.rows], gradient[run.rows], slots, c)
            for penalty in self._penalties:
                penalty.entry.after(self.theta, penalty.strength, lr, self.net.table)
            return Result(losses.detach(), _correct(scores, y))

    def rates(self) -> Tensor:
        """Return the learning rate of each row's last step, float64 (K,) on the CPU."""
        return self.pace.rates((self.steps - 1).clamp(min=0), self.epoch_steps).cpu()

    @torch.no_grad()
    def predict(self, x: Tensor) -> Tensor:
        """Return the scores (N, K, classes) of images (N, K, C, H, W)."""
        return self.net.forward(self.theta, self.buffers, x, self._context(training=False))

    @torch.no_grad()
    def evaluate(self, x: Tensor, y: Tensor) -> Result:
        """Return loss and right answers on images (N, K, C, H, W) with classes (N, K)."""
        scores = self.predict(x)
        return Result(self._loss(scores, y), _correct(scores, y))

    def state(self) -> dict[str, Tensor]:
        """Return what training has made, each tensor (K, …) on the CPU.

        Seeds and hyperparameters are not in it: they belong to whoever describes the trials.
        """
        tensors = {"theta": self.theta, "buffers": self.buffers, "steps": self.steps}
        tensors["schedules"] = self.pace.memory
        tensors |= {f"slot.{i}": slot for i, slot in enumerate(self.slots)}
        return {name: tensor.detach().cpu().clone() for name, tensor in tensors.items()}

    def load_row(self, row: int, tensors: Mapping[str, Tensor]) -> None:
        """Put one row of a state, from any array of this net, into a row of this one.

        Slots that this row's optimizer has no use for are passed over. CnnlabError if something is missing
        or has another shape.
        """
        own = next(run for run in self._optimizers if run.rows.start <= row < run.rows.stop)
        for i, slot in enumerate(self.slots):
            if i >= own.entry.slots:
                slot[row] = 0
        places = {"theta": self.theta, "buffers": self.buffers, "steps": self.steps}
        places["schedules"] = self.pace.memory
        places |= {f"slot.{i}": self.slots[i] for i in range(own.entry.slots)}
        for name, place in places.items():
            if name not in tensors or tensors[name].shape != place.shape[1:]:
                came = tuple(tensors[name].shape) if name in tensors else "nothing"
                raise CnnlabError(f"a row's {name} must have shape {tuple(place.shape[1:])}, got {came}")
            place[row] = tensors[name].to(place)

    def _point(self, constants: Sequence[Mapping[str, Tensor]]) -> Tensor:
        parts = [
            run.entry.point(self.theta[run.rows], [slot[run.rows] for slot in self.slots], c)
            for run, c in zip(self._optimizers, constants, strict=True)
        ]
        return parts[0] if len(parts) == 1 else torch.cat(parts)

    def _loss(self, scores: Tensor, y: Tensor) -> Tensor:
        parts = [
            run.entry.value(
                scores[:, run.rows],
                y[:, run.rows],
                {name: value.to(self.dtype) for name, value in run.hypers.items()},
            ).mean(0)
            for run in self._losses
        ]
        return torch.cat(parts)

    def _context(self, *, training: bool) -> Context:
        return Context(self._hypers, self._idle, self.seed, self.steps, training)


def _own(run: Run[Optimizer], moved: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return a run's hyperparameters, those that schedules move as they are at this step."""
    return {**run.hypers} | {
        name: value[run.rows] for name, value in moved.items() if name.removesuffix("_next") in run.hypers
    }


def _correct(scores: Tensor, y: Tensor) -> Tensor:
    return (scores.argmax(2) == y).sum(0)
