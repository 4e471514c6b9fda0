"""The training loop: the rows of one array, epoch by epoch; it can be watched, stopped and resumed."""

import math
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor

from cnnlab.batching import batch_order, validation_part
from cnnlab.batching.kept_data import kept_data
from cnnlab.batching.on_device import Part
from cnnlab.batching.partition import training_counts
from cnnlab.batching.streams import Mixed, Streams
from cnnlab.config import resolve, shape_key
from cnnlab.data import Info, check_images, data_set, seen
from cnnlab.engine import class_weights, conflicts, training_length
from cnnlab.engine.array import Array
from cnnlab.engine.epoch_end import EpochEnd, RowEnd
from cnnlab.engine.epoch_steps import EpochSteps
from cnnlab.engine.epoch_totals import EpochTotals
from cnnlab.engine.execution import Execution, execution_of
from cnnlab.engine.net import build
from cnnlab.engine.recorded import Recorder
from cnnlab.engine.way_timer import way_timer
from cnnlab.errors import CnnlabError, ConfigError
from cnnlab.kernels.way_choices import Timer
from cnnlab.metric import DEFAULTS, LOSS, LOSS_GOAL, Metric, chosen, find
from cnnlab.precision import check_device

MAX_CONFUSION_IMAGES = 10_000  # counted in a confusion matrix


@dataclass(frozen=True)
class Row:
    """One trial: a resolved config, the seed of its weights and dropout masks, and of its batches.

    With data.folds its fold is replicate mod folds.
    """

    config: Mapping[str, Any]
    seed: int
    replicate: int = 0
    data_seed: int = 0


@dataclass(frozen=True)
class EpochReport:
    """A row's metrics after one epoch; they may be NaN. `diverged`: its weights or loss are not finite.

    `best` is its best epoch so far and the objective there; None if the objective was never finite.
    """

    row: int
    epoch: int
    metrics: dict[str, float]
    diverged: bool
    best: tuple[int, float] | None


class Fit:
    """Trials of one shape, trained side by side, epoch by epoch.

    A row that is None is dead: a copy of the first live one fills it, because the width decides the rounding.
    The objective (metric, "maximize" or "minimize") selects the best epoch; the default is val/acc or
    val/mae. Without a validation part val/* means train/*. CnnlabError if the rows cannot share an array.
    In float64 a row's numbers are those of the trial alone, to 1e-10 unless training is chaotic. In float32
    their bits depend on machine, torch, threads, width and the row's index, never on the other rows: a state
    loaded into the same row of the same width continues bit for bit. On one thread of a CPU, width and index
    count only for convolutions and batch normalization that are no compiled operation, where rows pass side
    by side: docs/decisions/0002 has the list. The bits also depend on whether rows are `mixed`, each with a
    batch of its own, or share each batch, which is other arithmetic. Rows of different replicates must be
    mixed, and so must rows with `data.stream: trial`. Name in `varied` the paths of the model's rates in
    which trials of the shape differ, those in other arrays too: see `Array`.
    """

    # Which trials, and what their epochs gave: no recording reads it (engine/renewal.py).
    TAKEN = ("live", "_rows", "_epochs", "images_per_s")

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
        data = first.config["data"]
        info = seen(data)
        metric, sign, metrics = _measured(objective, first.config, info)
        images = data_set(data).load(data)
        check_images(images, info)
        exact = validation_part.counted(info, images.train_y)
        validation_part.check(exact, data)
        in_training = training_counts(images.train_y, exact, data, first.data_seed, first.replicate)
        for row in self.live:
            training_length.check(self._rows[row].config, sum(in_training))
        configs = [class_weights.counted(row.config, in_training) for row in self._rows]
        seeds = [row.seed for row in self._rows]
        self.array = Array(build(first.config), configs, seeds, device, metrics, varied)
        for row in self.live:
            conflicts.check(self._rows[row].config, self.array.net, info.task)
        self.task, self.class_names = info.task, info.class_names
        self.data = kept_data.of(
            images, data, info, first.data_seed, self.array.device, self.array.dtype, first.replicate
        )
        self._batch_size = batch_order.size(train["batch_size"], len(self.data.train), train["accumulate"])
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
        self._parts = {"val": self.data.validation} if len(self.data.validation) else {}
        self._parts |= {"test": self.data.test} if train["test"] == "each-epoch" else {}
        self._measured = {name: self._totals() for name in self._parts}
        parts = {"train": (self._steps.totals, len(self.data.train))}
        parts |= {name: (self._measured[name], len(part)) for name, part in self._parts.items()}
        self._end = EpochEnd(self.array, self._steps.epoch, parts, metric, sign, self.recorder)
        self._epochs = [0] * len(rows)
        self.images_per_s = 0.0

    @property
    def epoch(self) -> int:
        """Return how many epochs the live rows have trained; CnnlabError if they differ."""
        epochs = sorted({self._epochs[row] for row in self.live})
        if len(epochs) != 1:
            raise CnnlabError(f"rows of one fit must be at the same epoch, got {epochs}")
        return epochs[0]

    @property
    def execution(self) -> Execution:
        """Return how its steps are carried out, as far as the epochs until now have shown it."""
        return execution_of(self.array, self.recorder, self._steps.traces)

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
        epoch, start, recording = self.epoch + 1, time.perf_counter(), self.recorder.seconds
        self._steps.begin(epoch)
        for size, steps in self._batches():
            if should_stop():
                return None
            self._steps.advance(size, steps)
        if self.array.net.needs_population:
            self._update_population()
        self.recorder.finish()
        # Without what is done once for all epochs and all arrays of the shape.
        training = time.perf_counter() - start - (self.recorder.seconds - recording)
        self.images_per_s = len(self.array) * len(self.data.train) / training
        for name, part in self._parts.items():
            self._measure(name, part)
        self._end.note()
        self._epochs = [epochs + 1 for epochs in self._epochs]
        # All that leaves the device in an epoch.
        read = self._end.read()
        return [_report(row, epoch, read[row]) for row in self.live]

    def _cuts(self) -> list[slice]:
        return batch_order.cuts(len(self.data.train), self._batch_size)

    def _batches(self) -> Iterator[tuple[int, int]]:
        """Iterate over the batches of an epoch as they are taken: images of each, and how many at once."""
        return batch_order.together(self._cuts(), self._steps.together)

    def _update_population(self) -> None:
        """Compute the statistics of normalization from the epoch's batches, at the present weights."""
        self.array.net.reset_population(self.array.buffers)
        self._steps.again()
        for size, steps in self._batches():
            self._steps.add_to_population(size, steps)

    def _measure(self, name: str, part: Part) -> None:
        totals = self._measured[name]
        totals.reset()
        self.recorder.run(
            ("evaluation", name), lambda: _add_part(totals, self.array, part), lambda: totals.tensors
        )

    def _totals(self) -> EpochTotals:
        return EpochTotals(len(self.array), self.array.device, self.array.metrics)

    def kill(self, row: int) -> None:
        """Stop reporting a row; the numbers of the others do not change."""
        self.live.remove(row)

    def state(self) -> dict[str, Tensor]:
        """Return all that a row needs to continue elsewhere, each tensor (K, …) on the CPU.

        It is that after the last whole epoch, also in the middle of another one.
        """
        return self._end.kept.state() | self._end.best.state()

    def load_row(self, row: int, tensors: Mapping[str, Tensor], epoch: int) -> None:
        """Put a row of a state, taken after `epoch` epochs, into this row."""
        for array in (self.array, self._end.kept):
            array.load_row(row, tensors)
        self._end.best.load_row(row, tensors)
        self._epochs[row] = epoch

    def forget_best(self, row: int) -> None:
        """Let only the epochs that a row trains from now on count for its best one."""
        self._end.best.forget(row)

    def best(self) -> list[tuple[int, float, dict[str, Tensor]]]:
        """Return each row's best epoch, the objective at it, and its weights and buffers by name.

        They are on the CPU. Epoch 0 and NaN if no epoch that counts had a finite objective: the weights are
        those before them.
        """
        return self._end.best.read()

    def test_best(self) -> list[dict[str, float]]:
        """Return test/loss and test/<metric> of every row's best weights, row by row.

        All rows are evaluated at once, as after an epoch: to the last bit it is what `test: each-epoch` gives
        at the best epoch.
        """
        totals = self._totals()
        _add_part(totals, self._at_best(), self.data.test)
        metrics = totals.metrics("test", len(self.data.test))
        rows = torch.stack([*metrics.values()], 1).tolist()
        return [dict(zip(metrics, row, strict=True)) for row in rows]

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
        return self.array.at(self._end.best.theta, self._end.best.buffers)


def _add_part(totals: EpochTotals, array: Array, part: Part) -> None:
    """Evaluate all images of a part."""
    for x, y in part.chunks(len(array)):
        totals.add(array.evaluate(x, y), len(x))


def _report(row: int, epoch: int, end: RowEnd) -> EpochReport:
    known = math.isfinite(end.best_objective)
    best = (end.best_epoch, end.best_objective) if known else None
    return EpochReport(row, epoch, end.metrics, not end.finite, best)


def _same_array(rows: Sequence[Row]) -> Row:
    """Return the first row; CnnlabError unless all have one shape, one data seed and one fold."""
    if not rows:
        raise CnnlabError("a fit needs at least one live row, got none")
    keys = {shape_key(row.config) for row in rows}
    if len(keys) > 1:
        raise CnnlabError(f"rows of one fit must have one shape key, got {', '.join(sorted(keys))}")
    seeds = {row.data_seed for row in rows}
    if len(seeds) > 1:
        raise CnnlabError(f"rows of one fit must have one data seed, got {sorted(seeds)}")
    folds = rows[0].config["data"]["folds"]
    used = {row.replicate % folds for row in rows} if folds else {0}
    if len(used) > 1:
        raise CnnlabError(f"rows of one fit must have one fold, as they share images; got {sorted(used)}")
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
    if name != LOSS and metrics[name].unranked:
        raise ConfigError("objective", f"{name} cannot rank trials: {metrics[name].unranked}")
    goal = LOSS_GOAL if name == LOSS else metrics[name].goal
    if direction != goal:
        raise ConfigError("objective", f"the goal of {metric} is to {goal} it, got {direction!r}")
    if part == "test" and config["train"]["test"] != "each-epoch":
        raise ConfigError("objective", f"{metric} needs train.test each-epoch, got {config['train']['test']}")
    if part == "val" and not validation_part.source(info, config["data"]):
        metric = f"train/{name}"
    return metric, 1 if direction == "maximize" else -1, metrics


def fit(config: Mapping[str, Any], seed: int = 0, device: str = "cpu") -> list[EpochReport]:
    """Train one trial to its last epoch and return its reports; the config need not be resolved.

    ConfigError where the device does not train in the precision that is asked for.
    """
    complete = resolve(config)
    check_device(complete["train"]["precision"], torch.device(device))
    one = Fit([Row(complete, seed)], device)
    one.choose_ways()
    reports: list[EpochReport] = []
    for _ in range(complete["train"]["epochs"]):
        reports += one.run_epoch() or []
    return reports
