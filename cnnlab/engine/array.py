"""K trials as the rows of one array: one forward and backward pass for all, then each row's own step."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor

from cnnlab import registry, rng
from cnnlab.batching import batch_order
from cnnlab.config import row_numbers
from cnnlab.engine import row_by_row
from cnnlab.engine.clipping import Clipping
from cnnlab.engine.net import Net
from cnnlab.engine.optimizer_rows import optimizer_rows
from cnnlab.engine.repeatable import repeatable
from cnnlab.engine.row_block import Passed, Result, RowBlock, joined, joined_results
from cnnlab.engine.row_groups import penalties
from cnnlab.engine.scheduled import RowSchedules
from cnnlab.engine.weight_average import WeightAverage
from cnnlab.errors import CnnlabError
from cnnlab.kernels.way_choices import Timer, WayChoices
from cnnlab.layer import Context, Mode
from cnnlab.metric import Metric, add
from cnnlab.optimizer import Evaluation, Rule
from cnnlab.precision import PRECISIONS
from cnnlab.targets import Targets

# Activations that a step on all images keeps at once; a batch with more of them is summed up part by part.
MAX_KEPT_ACTIVATIONS = 2**24


@dataclass(frozen=True)
class _Objective:
    """The objective of each row at its own point: loss and penalties over a batch, and their gradient."""

    point: Tensor  # (K, P)
    result: Result
    value: Tensor  # (K,)
    gradient: Tensor  # (K, P)


class Array:
    """K trials of one net; whatever belongs to a trial is a row of a tensor.

    theta (K, P) holds the parameters, buffers is (K, Q), and slots (S, K, P) is the state of the optimizers,
    with as many slots as the row that needs most; seed and steps are int32 (K,). `epoch_steps` is the number
    of steps in an epoch, for schedules that count epochs. Configs are resolved and share a shape key. Every
    batch is measured by `metrics`, by name. No operation mixes rows: a trial that diverges is NaN in its own
    row and in no other.

    Where any row has a mean of its weights, `average` has all rows', and those are what is evaluated. A batch
    of several gradients (`train.accumulate`) passes through the net in parts.

    A dropout rate that is 0 in every row costs nothing, but other arithmetic follows it in a convolution: one
    product for all rows, while they see the same images. The rates that are `varied`, by path, count as not
    0, so that a row's bits do not depend on the rates beside it.

    Rows pass through a wide net one after the other, which is faster and gives each the bits it has alone:
    `engine/row_by_row.py` decides it, unless `one_by_one` does. All else is done for all rows at once.
    """

    # What rows' tensors were read from, and what ended with the last step (engine/renewal.py).
    TAKEN = ("configs", "_last_objective")

    def __init__(
        self,
        net: Net,
        configs: Sequence[Mapping[str, Any]],
        seeds: Sequence[int],
        device: str = "cpu",
        metrics: Mapping[str, Metric] = MappingProxyType({}),
        varied: Collection[str] = (),
        one_by_one: bool | None = None,
    ) -> None:
        self.metrics, self._varied = metrics, frozenset(varied)
        self.ways = WayChoices()
        self.net, self.configs, self.device = net, list(configs), torch.device(device)
        self.precision = PRECISIONS[configs[0]["train"]["precision"]]
        self.dtype = self.precision.rows
        seed = torch.tensor([rng.fold(seed) for seed in seeds], dtype=torch.int32)
        self.seed = seed.to(self.device)
        self.steps = torch.zeros_like(self.seed)
        scale = torch.tensor([config["train"]["initial_scale"] for config in configs], dtype=torch.float64)
        start = net.start(seed)
        self.theta = start.where(~net.weights(), start * scale[:, None]).to(self.device, self.dtype)
        self.buffers = net.start_buffers(len(seeds), seed).to(self.device, self.dtype)
        self.slots = self.theta.new_zeros(0, *self.theta.shape)
        self.epoch_steps = 1
        batch = configs[0]["train"]["batch_size"]
        self.one_by_one = row_by_row.pays(net, batch, self.device) if one_by_one is None else one_by_one
        self.schedules = RowSchedules(configs, self.device)
        self._read_configs()
        self.average = WeightAverage(configs, self.theta)

    def __len__(self) -> int:
        return len(self.configs)

    def _read_configs(self) -> None:
        """Read what a step needs from the configs, and make as many slots as their optimizers need."""
        train = [config["train"] for config in self.configs]
        self._penalties = penalties(self.configs, self.net.weights(), self.device, self.dtype)
        self._slot_counts = [
            registry.get("optimizers", t["optimizer"]["name"])().slot_count(
                t["optimizer"], self.net.parameters
            )
            for t in train
        ]
        needed = max(self._slot_counts)
        more = self.theta.new_zeros(max(0, needed - len(self.slots)), *self.theta.shape)
        self.slots = torch.cat((self.slots, more))[:needed]
        choices = [t["optimizer"] for t in train]
        self._optimizers = optimizer_rows(choices, self._slot_counts, self.net.table, self.device, self.dtype)
        self._needs_value = not all(isinstance(own.entry, Rule) for own in self._optimizers)
        self._clipping = Clipping(self.configs, self.device, self.dtype)
        self._read_blocks([t["loss"] for t in train])
        # The last objective on all images: the next step begins where this one ended.
        self._last_objective: _Objective | None = None
        full = train[0]["batch_size"] == "full"
        self._full_batch = full and all(own.entry.full_batch for own in self._optimizers)

    def _read_blocks(self, losses: Sequence[Mapping[str, Any]]) -> None:
        """Make the block of all rows, and those that pass through the net."""
        numbers = [row_numbers(config) for config in self.configs]
        hypers = {
            path: torch.tensor([row[path] for row in numbers], dtype=self.dtype, device=self.device)
            for path in numbers[0]
        }
        zero = {path for path in numbers[0] if not any(row[path] for row in numbers)}
        all_zero = frozenset(zero - self._varied)

        def block(rows: slice) -> RowBlock:
            return RowBlock(
                self.net,
                rows,
                losses,
                self.metrics,
                hypers,
                all_zero,
                self.seed,
                self.steps,
                self.precision,
                self.ways,
            )

        self.whole = block(slice(0, len(self)))
        self._blocks = (
            [block(slice(row, row + 1)) for row in range(len(self))] if self.one_by_one else [self.whole]
        )

    def keep(self, rows: Sequence[int]) -> None:
        """Keep these rows, in this order; a row that is named twice is copied."""
        index = torch.tensor(rows, device=self.device)
        self.configs = [self.configs[row] for row in rows]
        self.theta, self.buffers = self.theta[index], self.buffers[index]
        self.seed, self.steps = self.seed[index], self.steps[index]
        self.slots = self.slots[:, index]
        self.schedules.keep(index, self.configs)
        self._read_configs()
        self.average = self.average.kept(index, self.configs, self.theta)

    @contextmanager
    def _arithmetic(self) -> Iterator[None]:
        """Give a context in which a GPU rounds products as the precision allows, each time alike."""
        with self.precision.rounds(self.device), repeatable(self.device):
            yield

    def time_ways(self, x: Tensor, y: Targets, timer: Timer) -> None:
        """Time the ways of each convolution that has none, by a pass on a batch; the rows do not change.

        The batch is (N, K, C, H, W) with targets (N, K), as in `step`.
        """
        cut = self._cuts(len(x))[0]
        parameters = [part.detach().requires_grad_() for part in self.net.views(self.theta)]
        with self._arithmetic(), self.ways.timing(timer):
            self.whole.forward(parameters, self.buffers.clone(), x[cut], y[cut], 0)

    @property
    def repeats(self) -> bool:
        """Return whether every step does the same operations, whatever the numbers, and may be recorded."""
        entries = [group.entry for group in self._optimizers]
        # Those that keep a matrix decompose it, for which a GPU waits.
        return not self._needs_value and all(entry.max_parameters is None for entry in entries)

    @property
    def tensors(self) -> list[Tensor]:
        """Return what a step changes in place."""
        return [self.theta, self.buffers, self.slots, self.steps, *self.average.tensors]

    @property
    def evaluated(self) -> Tensor:
        """Return the weights that are measured and kept, (K, P): means in rows that have them."""
        return self.average.weights(self.theta)

    @torch.no_grad()
    def step(self, x: Tensor, y: Targets) -> Result:
        """Update every trial on one batch, (N, K, C, H, W) with targets (N, K); return the result before it.

        Methods that need all images get the same batch at every step, so that the objective at the last point
        is not evaluated again.
        """
        with self._arithmetic():
            return self._step(x, y)

    def _step(self, x: Tensor, y: Targets) -> Result:
        scheduled = self.schedules.values(self.steps, self.epoch_steps)
        lr = self.schedules.rates(self.steps, self.epoch_steps)[:, None].to(self.dtype)
        self.steps += 1
        steps = [own.step(self.theta, self.slots, scheduled, self.steps) for own in self._optimizers]
        points = [next(step) for step in steps]
        at = first = self._evaluate_objective(points, x, y)
        for penalty in self._penalties:
            penalty.entry.before(self.theta, penalty.strength, lr)
        unfinished = set(range(len(steps)))
        while True:
            for i in sorted(unfinished):
                rows = self._optimizers[i].rows
                try:
                    points[i] = steps[i].send(self._evaluation_for(rows, at, x, y))
                except StopIteration:
                    points[i] = self.theta[rows]
                    unfinished.remove(i)
            if not unfinished:
                break
            at = self._evaluate_objective(points, x, y)
        self._last_objective = at if self._full_batch else None
        for penalty in self._penalties:
            penalty.entry.after(self.theta, penalty.strength, lr, self.net.table)
        self.average.add(self.theta, self.steps)
        return first.result

    def _evaluate_objective(self, points: Sequence[Tensor], x: Tensor, y: Targets) -> _Objective:
        """Return the objective of each row at its point; the same point gives the same bits."""
        point = points[0] if len(points) == 1 else torch.cat(tuple(points))
        if self._last_objective is not None and torch.equal(self._last_objective.point, point):
            return self._last_objective
        point = point.detach().clone() if self._full_batch else point.detach()
        (result, value), gradient = self._pass_in_parts(point, x, y)
        for penalty in self._penalties:
            penalty.entry.add_gradient(gradient, point, penalty.strength)
            if self._needs_value:  # a Rule uses the gradient alone
                value = value + penalty.entry.value(point, penalty.strength)
        self._clipping.clip(gradient)
        return _Objective(point, result, value, gradient)

    def _pass_in_parts(self, point: Tensor, x: Tensor, y: Targets) -> tuple[Passed, Tensor]:
        """Return the means over the images of a batch, part by part: losses, and the gradient, (K, P)."""
        cuts = self._cuts(len(x))
        if len(cuts) == 1:
            return self._pass(point, x, y, 0)
        loss, value = point.new_zeros(2, len(self))
        gradient = torch.zeros_like(point)
        measured = []
        for cut in cuts:
            (own, total), slope = self._pass(point, x[cut], y[cut], cut.start)
            share = (cut.stop - cut.start) / len(x)
            for sum_, part in ((loss, own.loss), (value, total), (gradient, slope)):
                sum_.add_(part, alpha=share)
            measured.append(own.measured)
        return Passed(Result(loss, add(measured)), value), gradient

    def _pass(self, point: Tensor, x: Tensor, y: Targets, first: int) -> tuple[Passed, Tensor]:
        """Return what a batch gives each row at its point, and the gradient there, (K, P)."""
        gradient = torch.empty_like(point)
        found = [block.differentiate(point, self.buffers, x, y, first, gradient) for block in self._blocks]
        return joined(found), gradient

    def _cuts(self, images: int) -> list[slice]:
        """Return the parts in which a batch is evaluated: one, unless it is all images and they are many.

        Of a batch of several gradients each has one.
        """
        train = self.configs[0]["train"]
        if train["accumulate"] > 1:
            return batch_order.cuts(images, train["batch_size"])
        full = train["batch_size"] == "full"
        if not full or self.net.buffers or self.net.chain.whole_batches:
            return [slice(0, images)]
        together = len(self) // len(self._blocks)  # rows that pass at once
        most = max(1, MAX_KEPT_ACTIVATIONS // (together * self.net.work.activations))
        return [slice(start, min(start + most, images)) for start in range(0, images, most)]

    def _evaluation_for(self, rows: slice, at: _Objective, x: Tensor, y: Targets) -> Evaluation:
        """Return what the optimizer of some rows gets of the objective."""
        hessian = partial(self._hessian, rows, at.point, x, y)
        return Evaluation(at.value[rows], at.gradient[rows], hessian)

    @torch.enable_grad()
    def _hessian(self, rows: slice, point: Tensor, x: Tensor, y: Targets) -> Tensor:
        """Return the second derivatives of the objective of some rows, (k, P, P), a column at a time."""
        shares = [
            block for block in self._blocks if block.rows.start < rows.stop and rows.start < block.rows.stop
        ]
        return torch.cat([self._hessian_of(block, rows, point, x, y) for block in shares])

    def _hessian_of(self, block: RowBlock, rows: slice, point: Tensor, x: Tensor, y: Targets) -> Tensor:
        """Return the same of those rows that a block has."""
        first = block.rows.start
        own = slice(max(rows.start, first) - first, min(rows.stop, block.rows.stop) - first)
        found = point.new_zeros(own.stop - own.start, point.shape[1], point.shape[1])
        for cut in self._cuts(len(x)):
            at = point[block.rows].detach().requires_grad_()
            total = block.total(at, self.buffers, x[cut], y[cut], cut.start)
            (slope,) = torch.autograd.grad(total.sum(), at, create_graph=True)
            slope = slope * ((cut.stop - cut.start) / len(x))
            for penalty in self._penalties if cut.start == 0 else ():
                slope = slope + penalty.entry.gradient(at, penalty.strength[block.rows])
            for column in range(point.shape[1]):
                (second,) = torch.autograd.grad(
                    slope[:, column].sum(), at, retain_graph=True, allow_unused=True, materialize_grads=True
                )
                found[:, :, column] += second[own]
        return found

    def at(self, theta: Tensor, buffers: Tensor) -> "Array":
        """Return this array with other weights, (K, P), and buffers, (K, Q), to evaluate it, not to train."""
        other = copy(self)
        other.theta, other.buffers, other.average = theta, buffers, WeightAverage((), theta)
        return other

    def copied(self) -> "Array":
        """Return this array with copies of what a step changes: its state stays while this one trains.

        The memory of the schedules is shared: no step changes it.
        """
        other = self.at(self.theta.clone(), self.buffers.clone())
        other.slots, other.steps = self.slots.clone(), self.steps.clone()
        other.average = self.average.copied(self.configs, self.theta)
        return other

    def rates(self) -> Tensor:
        """Return the learning rate of each row's last step, float64 (K,)."""
        return self.schedules.rates((self.steps - 1).clamp(min=0), self.epoch_steps)

    @torch.no_grad()
    def predict(self, x: Tensor) -> Tensor:
        """Return the scores (N, K, classes) of images (N, K, C, H, W)."""
        return self._scores(x, Mode.PREDICT)

    @torch.no_grad()
    def add_to_population(self, x: Tensor) -> None:
        """Count images (N, K, C, H, W) in the population's statistics; `net.reset_population` begins anew."""
        for cut in self._cuts(len(x)):
            self._scores(x[cut], Mode.POPULATION)

    def _scores(self, x: Tensor, mode: Mode) -> Tensor:
        with self._arithmetic():
            parts = [block.scores(self.evaluated, self.buffers, x, mode) for block in self._blocks]
        return parts[0] if len(parts) == 1 else torch.cat(parts, 1)

    @torch.no_grad()
    def evaluate(self, x: Tensor, y: Tensor) -> Result:
        """Return loss and metrics on images (N, K, C, H, W) with targets (N, K)."""
        with self._arithmetic():
            found = [block.evaluate(self.evaluated, self.buffers, x, y) for block in self._blocks]
        return joined_results(found)

    def loss(self, scores: Tensor, y: Targets) -> Tensor:
        """Return each row's mean loss (K,) of scores (N, K, classes) against targets (N, K)."""
        return self.whole.loss(scores, y)

    def state(self) -> dict[str, Tensor]:
        """Return what training has changed, each tensor (K, …) on the CPU.

        Seeds and hyperparameters are not in it: they belong to whoever describes the trials.
        """
        tensors = {"theta": self.theta, "buffers": self.buffers, "steps": self.steps}
        tensors |= {"schedules": self.schedules.memory, "slots": self.slots.transpose(0, 1)}
        tensors |= self.average.state()
        return {name: tensor.detach().cpu().clone() for name, tensor in tensors.items()}

    def load_row(self, row: int, tensors: Mapping[str, Tensor]) -> None:
        """Put one row of a state, from any array of this net, into a row of this one.

        Slots and means that this row does not use are ignored. CnnlabError if something is missing or has
        another shape.
        """
        own = self._slot_counts[row]
        places = {"theta": self.theta, "buffers": self.buffers, "steps": self.steps}
        places |= {"schedules": self.schedules.memory, "slots": self.slots[:own].transpose(0, 1)}
        places |= self.average.places(row)
        for name, place in places.items():
            given = tensors[name][:own] if name == "slots" and name in tensors else tensors.get(name)
            if given is None or given.shape != place.shape[1:]:
                came = "nothing" if given is None else tuple(given.shape)
                raise CnnlabError(f"a row's {name} must have shape {tuple(place.shape[1:])}, got {came}")
            place[row] = given.to(place)
        self.slots[own:, row] = 0
        self.average.follow(row, self.theta)

    def context(self, mode: Mode, first: int = 0) -> Context:
        """Return what the net's layers may read during one pass; a new one for every pass."""
        return self.whole.context(mode, first)
