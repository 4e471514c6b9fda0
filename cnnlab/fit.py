"""The training loop: the rows of one array, epoch by epoch; it can be watched, stopped and resumed."""

import math
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor

from cnnlab.batching import batch_order, validation_part
from cnnlab.batching.on_device import DeviceData, Part
from cnnlab.batching.streams import Mixed, Streams
from cnnlab.config import resolve, shape_key
from cnnlab.data import Info, check_images, data_set, seen
from cnnlab.engine import conflicts
from cnnlab.engine.array import Array
from cnnlab.engine.epoch_steps import EpochSteps
from cnnlab.engine.epoch_totals import EpochTotals
from cnnlab.engine.execution import Execution, execution_of
from cnnlab.engine.net import build
from cnnlab.engine.recorded import Recorder
from cnnlab.engine.way_timer import way_timer
from cnnlab.errors import CnnlabError, ConfigError
from cnnlab.kernels.way_choices import Timer
from cnnlab.metric import DEFAULTS, LOSS, LOSS_GOAL, Metric, chosen, find

MAX_CONFUSION_IMAGES = 10_000  # counted in a confusion matrix


@dataclass(frozen=True)
class Row:
    """One trial: a resolved config, the seed of its weights and dropout masks, and of its batches."""

    config: Mapping[str, Any]
    seed: int
    replicate: int = 0
    data_seed: int = 0


@dataclass(frozen=True)
class EpochReport:
    """A row's metrics after one epoch; they may be NaN. `diverged`: its weights or loss are not finite."""

    row: int
    epoch: int
    metrics: dict[str, float]
    diverged: bool


class Fit:
    """Trials of one shape, trained side by side, epoch by epoch.

    A row that is None is dead: a copy of the first live one fills it, because the width decides the rounding.
    The objective (metric, "maximize" or "minimize") selects the best epoch; the default is val/acc or
    val/mae. Without a validation part val/* means train/*. CnnlabError if the rows cannot share an array.
    In float64 a row's numbers are those of the trial alone, to 1e-10 unless training is chaotic. In float32
    their bits depend on machine, torch, threads, width and the row's index, never on the other rows: a state
    loaded into the same row of the same width continues bit for bit. Width and index do not count for a chain
    of `conv-max`, activations, dropout, flatten and linear layers, nor where rows pass one after the other,
    see `engine/row_by_row.py`. The bits also depend on whether rows are `mixed`, each with a batch of its
    own, or share each batch, which is other arithmetic. Rows of different replicates must be mixed, and so
    must rows with `data.stream: trial`. Name in `varied` the paths of the model's rates in which trials of
    the shape differ, those in other arrays too: see `Array`.
    """

    def __init__(
        self,
        rows: Sequence[Row | None],
        device: str = "cpu",
        objective: tuple[str, str] | None = None,
        mixed: Mixed = "if-needed",
        varied: Collection[str] = (),
    ) -> None:
        self.live = [k for k, row in enumerate(rows) if row is not None]
        first = _same_array([row for row in rows if row is not None])
        self._rows = [row or first for row in rows]
        train = first.config["train"]
        self._epochs_test = train["test"] == "each-epoch"
        data = first.config["data"]
        info = seen(data)
        self._metric, self._sign, metrics = _measured(objective, first.config, info)
        configs, seeds = [row.config for row in self._rows], [row.seed for row in self._rows]
        self.array = Array(build(first.config), configs, seeds, device, metrics, varied)
        for row in self.live:
            conflicts.check(self._rows[row].config, self.array.net, info.task)
        self.task, self.class_names = info.task, info.class_names
        images = data_set(data).load(data)
        check_images(images, info)
        validation_part.check(validation_part.counted(info, images.train_y), data["validation"])
        self.data = DeviceData(images, data, info, first.data_seed, self.array.device, self.array.dtype)
        self._batch_size = batch_order.size(train["batch_size"], len(self.data.train))
        self.array.epoch_steps = len(self._cuts())
        self._streams = Streams(
            self.data.train,
            data,
            self._batch_size,
            first.data_seed,
            [(row.replicate, row.seed) for row in self._rows],
            mixed,
        )
        self.recorder = Recorder(self.array.device)
        self._steps = EpochSteps(self.array, self._streams, len(self.data.train), self.recorder)
        self._measured: dict[str, EpochTotals] = {}  # by part
        width = len(rows)
        self._best_theta, self._best_buffers = self.array.theta.clone(), self.array.buffers.clone()
        self._epochs = torch.zeros(width, dtype=torch.int64)
        self._best_value = torch.full((width,), -math.inf, dtype=torch.float64, device=self.array.device)
        self._best_epoch = torch.zeros_like(self._epochs, device=self.array.device)
        self.images_per_s = 0.0

    @property
    def epoch(self) -> int:
        """Return how many epochs the live rows have trained; CnnlabError if they differ."""
        epochs = sorted({int(self._epochs[row]) for row in self.live})
        if len(epochs) != 1:
            raise CnnlabError(f"rows of one fit must be at the same epoch, got {epochs}")
        return epochs[0]

    @property
    def execution(self) -> Execution:
        """Return how its steps are carried out, as far as the epochs until now have shown it."""
        return execution_of(self.array, self.recorder)

    def choose_ways(
        self, recorded: Mapping[str, str] = MappingProxyType({}), timer: Timer | None = None
    ) -> dict[str, str]:
        """Choose how each convolution is computed, before the first step: return the ways by task.

        It decides how numbers are rounded, so what was recorded is taken as it is. Other tasks are timed on a
        GPU, or where a timer is given; elsewhere none is chosen, and the rules of the CPU hold.
        """
        ways, rows = self.array.ways, len(self.array)
        ways.use(recorded)
        if timer is None and self.array.device.type == "cuda":
            timer = way_timer(self.array.device)
        if timer is not None:
            self._steps.begin(1)
            self.array.time_ways(*self._steps.batch(self._cuts()[0]), timer)
            with ways.timing(timer):
                self.array.evaluate(*next(self.data.train.chunks(rows)))
        return {task: ways.chosen[task] for task in ways.met}

    def run_epoch(self, should_stop: Callable[[], bool] = lambda: False) -> list[EpochReport] | None:
        """Train one epoch and measure it; None if should_stop, called between steps, returned true.

        After None the rows are in the middle of an epoch: load them again before training on.
        """
        epoch, start = self.epoch + 1, time.perf_counter()
        images = len(self.data.train)
        self._steps.begin(epoch)
        for size, steps in batch_order.together(self._cuts(), self._steps.together):
            if should_stop():
                return None
            self._steps.advance(size, steps)
        if self.array.net.needs_population:
            self._update_population()
        metrics = self._steps.totals.metrics("train", images) | {"lr": self.array.rates()}
        self.recorder.finish()
        self.images_per_s = len(self.array) * images / (time.perf_counter() - start)
        metrics |= self._measure(self.data.validation, "val") if len(self.data.validation) else {}
        metrics |= self._measure(self.data.test, "test") if self._epochs_test else {}
        self.array.schedules.observe(metrics.get("val/loss", metrics["train/loss"]))
        self._epochs += 1
        self._note_best(epoch, metrics[self._metric])
        finite = self.array.theta.isfinite().all(1) & metrics["train/loss"].isfinite()
        # All that leaves the device in an epoch: for each row, its metrics and whether it diverged.
        read = torch.stack([*metrics.values(), finite.double()], 1).tolist()
        return [
            EpochReport(
                row=k,
                epoch=epoch,
                metrics=dict(zip(metrics, read[k][:-1], strict=True)),
                diverged=not read[k][-1],
            )
            for k in self.live
        ]

    def _cuts(self) -> list[slice]:
        return batch_order.cuts(len(self.data.train), self._batch_size)

    def _update_population(self) -> None:
        """Compute the statistics of normalization from the epoch's batches, at the present weights."""
        self.array.net.reset_population(self.array.buffers)
        for cut in self._cuts():
            self.array.add_to_population(self._steps.batch(cut)[0])

    def _measure(self, part: Part, name: str) -> dict[str, Tensor]:
        totals = self._measured.setdefault(name, self._totals())
        totals.reset()
        self.recorder.run(
            ("evaluation", name), lambda: _add_part(totals, self.array, part), lambda: totals.tensors
        )
        return totals.metrics(name, len(part))

    def _totals(self) -> EpochTotals:
        return EpochTotals(len(self.array), self.array.device, self.array.metrics)

    def _note_best(self, epoch: int, values: Tensor) -> None:
        values = self._sign * values
        better = values > self._best_value  # never where NaN; the first of equals stays
        for best, now in (
            (self._best_value, values),
            (self._best_epoch, torch.full_like(self._best_epoch, epoch)),
            (self._best_theta, self.array.theta),
            (self._best_buffers, self.array.buffers),
        ):
            torch.where(better.view(-1, *(1,) * (best.dim() - 1)), now, best, out=best)

    def kill(self, row: int) -> None:
        """Stop reporting a row; the numbers of the others do not change."""
        self.live.remove(row)

    def state(self) -> dict[str, Tensor]:
        """Return all that a row needs to continue elsewhere, each tensor (K, …) on the CPU."""
        return self.array.state() | {
            "best.theta": self._best_theta.cpu().clone(),
            "best.buffers": self._best_buffers.cpu().clone(),
            "best.value": self._best_value.cpu().clone(),
            "best.epoch": self._best_epoch.cpu().clone(),
        }

    def load_row(self, row: int, tensors: Mapping[str, Tensor], epoch: int) -> None:
        """Put a row of a state, taken after `epoch` epochs, into this row."""
        self.array.load_row(row, tensors)
        for name, place in (
            ("best.theta", self._best_theta),
            ("best.buffers", self._best_buffers),
            ("best.value", self._best_value),
            ("best.epoch", self._best_epoch),
        ):
            place[row] = tensors[name].to(place)
        self._epochs[row] = epoch

    def forget_best(self, row: int) -> None:
        """Let only the epochs that a row trains from now on count for its best one."""
        self._best_theta[row], self._best_buffers[row] = self.array.theta[row], self.array.buffers[row]
        self._best_value[row], self._best_epoch[row] = -math.inf, 0

    def best(self, row: int) -> tuple[int, float, dict[str, Tensor]]:
        """Return a row's best epoch, the objective at that epoch, and its weights and buffers by name.

        Epoch 0 and NaN if no epoch that counts had a finite objective: the weights are those before them.
        """
        epoch = int(self._best_epoch[row])
        value = self._sign * float(self._best_value[row]) if epoch else math.nan
        theta, buffers = self._best_theta[row].cpu(), self._best_buffers[row].cpu()
        return epoch, value, self.array.net.named(theta, buffers)

    def test_best(self) -> list[dict[str, float]]:
        """Return test/loss and test/<metric> of every row's best weights, row by row.

        All rows are evaluated at once, as after an epoch: to the last bit it is what `test: each-epoch` gives
        at the best epoch.
        """
        totals = self._totals()
        _add_part(totals, self._at_best(), self.data.test)
        metrics = totals.metrics("test", len(self.data.test))
        return [
            {name: float(values[row]) for name, values in metrics.items()} for row in range(len(self._rows))
        ]

    def confusion(self) -> tuple[str, Tensor]:
        """Return how often the best weights take each class (second axis) for each (third), int64 (K, C, C).

        The images are those of the validation part ("val"), without one the first of training ("train").
        CnnlabError where targets are numbers.
        """
        if self.task == "regression":
            raise CnnlabError("a confusion matrix needs classes as targets, got numbers")
        name, part = (
            ("val", self.data.validation) if len(self.data.validation) else ("train", self.data.train)
        )
        best, counts, seen = self._at_best(), torch.zeros(0), 0
        for x, y in part.chunks(len(best)):
            scores = best.predict(x)  # (N, K, C)
            _, rows, classes = scores.shape
            row = torch.arange(rows, device=y.device)
            cell = (row * classes + y) * classes + scores.argmax(2)  # (N, K)
            found = torch.bincount(cell.flatten(), minlength=rows * classes**2).view(rows, classes, classes)
            counts, seen = (found if not seen else counts + found), seen + len(x)
            if seen >= MAX_CONFUSION_IMAGES:
                break
        return name, counts.cpu()

    def _at_best(self) -> Array:
        return self.array.at(self._best_theta, self._best_buffers)


def _add_part(totals: EpochTotals, array: Array, part: Part) -> None:
    """Evaluate all images of a part."""
    for x, y in part.chunks(len(array)):
        totals.add(array.evaluate(x, y), len(x))


def _same_array(rows: Sequence[Row]) -> Row:
    """Return the first row; CnnlabError unless all have one shape and one data seed."""
    if not rows:
        raise CnnlabError("a fit needs at least one live row, got none")
    keys = {shape_key(row.config) for row in rows}
    if len(keys) > 1:
        raise CnnlabError(f"rows of one fit must have one shape key, got {', '.join(sorted(keys))}")
    seeds = {row.data_seed for row in rows}
    if len(seeds) > 1:
        raise CnnlabError(f"rows of one fit must have one data seed, got {sorted(seeds)}")
    return rows[0]


def _measured(
    objective: tuple[str, str] | None, config: Mapping[str, Any], info: Info
) -> tuple[str, int, dict[str, Metric]]:
    """Return the metric that decides, 1 to maximize it or −1 to minimize, and all that are measured.

    These are what the config asks for and, last, what the objective needs beside them.
    """
    metrics = chosen(config, info)
    default = DEFAULTS[info.task]
    metric, direction = objective or (f"val/{default}", metrics[default].goal)
    part, _, name = metric.partition("/")
    if part not in ("train", "val", "test"):
        raise ConfigError("objective", f"must be train/, val/ or test/ followed by a metric, got {metric!r}")
    if name not in (LOSS, *metrics):
        metrics[name] = find(name, info, "objective")
    goal = LOSS_GOAL if name == LOSS else metrics[name].goal
    if direction != goal:
        raise ConfigError("objective", f"the goal of {metric} is to {goal} it, got {direction!r}")
    if part == "test" and config["train"]["test"] != "each-epoch":
        raise ConfigError("objective", f"{metric} needs train.test each-epoch, got {config['train']['test']}")
    if part == "val" and not config["data"]["validation"]:
        metric = f"train/{name}"
    return metric, 1 if direction == "maximize" else -1, metrics


def fit(config: Mapping[str, Any], seed: int = 0, device: str = "cpu") -> list[EpochReport]:
    """Train one trial to its last epoch and return its reports; the config need not be resolved."""
    complete = resolve(config)
    one = Fit([Row(complete, seed)], device)
    one.choose_ways()
    reports: list[EpochReport] = []
    for _ in range(complete["train"]["epochs"]):
        reports += one.run_epoch() or []
    return reports
