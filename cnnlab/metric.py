"""What every metric is: sums over batches that can be added up, and the value that an epoch's sums give."""

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor

from cnnlab import registry
from cnnlab.data import Info, Task
from cnnlab.errors import ConfigError, RegistryError
from cnnlab.hyper import declared

Goal = Literal["maximize", "minimize"]
Totals = Mapping[str, Tensor]  # of a batch or an epoch, by metric; each (K, …)

LOSS, LOSS_GOAL = "loss", "minimize"  # measured always, and no entry: it needs a trial's hyperparameters
DEFAULTS: Mapping[Task, str] = {"classification": "acc", "regression": "mae"}  # measured beside the loss
TARGETS: Mapping[Task, str] = {"classification": "classes", "regression": "numbers"}
# What a metric declares, and what it may be: a wrong one in a plug-in must not fail later and elsewhere.
DECLARED: Mapping[str, tuple[Callable[[Any], object], str]] = {
    "tasks": (
        lambda value: isinstance(value, frozenset) and value and value <= TARGETS.keys(),
        "a frozenset of classification, regression or both",
    ),
    "min_classes": (lambda value: isinstance(value, int), "an integer"),
    "max_classes": (lambda value: value is None or isinstance(value, int), "an integer or None"),
    "each_class": (lambda value: isinstance(value, bool), "True or False"),
    "unranked": (lambda value: isinstance(value, str), "a text"),
    "goal": (lambda value: value in ("maximize", "minimize"), "maximize or minimize"),
    "label": (lambda value: isinstance(value, str) and value, "a text"),
    "error": (
        lambda value: isinstance(value, str) and re.fullmatch(r"[a-z0-9_]*", value),
        "small letters, digits and _, or empty",
    ),
}


class Metric(ABC):
    """A file in metrics/ holds one of these; it keeps no numbers itself and has no hyperparameters.

    Images come batch by batch: `totals` gives the sums over one batch, an epoch's batches are added up in
    float64, and `value` turns the result into one number for each trial. A metric can therefore be more than
    a mean over images; the F1 score of a class, for example, is made of three counts. No operation mixes
    trials, and a trial's bits do not depend on its neighbours: count in integers, add over images, and take
    sums over classes with `rowwise.total`. A trial whose loss is NaN has NaN for every metric.

    `tasks` are those whose targets it understands, `min_classes` is the smallest number of classes for which
    it says anything, `goal` the direction that is better, `label` its name in charts. Where 1 − value is a
    share of errors, `error` names that share ("error", "top5_error"), and charts can show it in percent.

    With `each_class` it has a number for each class, (K, classes), reported as `<name>-0`, `<name>-1`, …, of
    at most `max_classes`. `unranked` is why it is no objective: what a useless net with a perfect value does.
    """

    tasks: ClassVar[frozenset[Task]] = frozenset({"classification"})
    min_classes: ClassVar[int] = 1
    max_classes: ClassVar[int | None] = None
    each_class: ClassVar[bool] = False
    unranked: ClassVar[str] = ""
    goal: ClassVar[Goal]
    label: ClassVar[str]
    error: ClassVar[str] = ""

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        for name, (fits, words) in DECLARED.items():
            if hasattr(cls, name) and not fits(getattr(cls, name)):
                got = getattr(cls, name)
                raise RegistryError(f"{name} of {cls.__qualname__} must be {words}, got {got!r}")
        if hypers := declared(cls):
            raise RegistryError(f"{cls.__qualname__} cannot have hyperparameters, got {', '.join(hypers)}")
        if cls.__module__.endswith(f".{LOSS}"):
            raise RegistryError(f"a metric cannot be called {LOSS}: the loss is always measured")

    def __init__(self, classes: int = 1) -> None:
        self.classes = classes

    def names(self, name: str) -> list[str]:
        """Return the names under which the values of the metric of this name are reported."""
        return [f"{name}-{number}" for number in range(self.classes)] if self.each_class else [name]

    @abstractmethod
    def totals(self, scores: Tensor, target: Tensor) -> Tensor:
        """Return sums over a batch, (K, …), of scores (N, K, classes) against classes int64 (N, K).

        For a regression, scores are (N, K, 1) and targets are numbers.
        """

    @abstractmethod
    def value(self, totals: Tensor, images: int) -> Tensor:
        """Return each trial's value, (K,), from the totals of so many images, float64 (K, …).

        With `each_class` (K, classes).
        """


def count_by_class(classes: Tensor, counted: Tensor, number: int) -> Tensor:
    """Return how many of the images that are counted, bool (N, K), have each class, int64 (K, number).

    `classes` is (N, K).
    """
    counts = torch.zeros(classes.shape[1], number, dtype=torch.int64, device=classes.device)
    return counts.scatter_add_(1, classes.T, counted.T.long())


def right_by_class(scores: Tensor, target: Tensor) -> Tensor:
    """Return right answers and images of each class, int64 (K, 2, classes).

    Scores are (N, K, classes), targets (N, K).
    """
    right = scores.argmax(2) == target
    counts = [count_by_class(target, each, scores.shape[2]) for each in (right, torch.ones_like(right))]
    return torch.stack(counts, 1)


def misfit(name: str, task: Task, classes: int) -> str:
    """Return why a metric cannot be measured on data with these targets; "" if it can be."""
    entry: type[Metric] = registry.get("metrics", name)
    if task not in entry.tasks:
        needed = " or ".join(TARGETS[each] for each in sorted(entry.tasks))
        return f"{name} needs {needed} as targets, but the targets of these data are {TARGETS[task]}"
    if task == "classification" and classes < entry.min_classes:
        return f"{name} needs at least {entry.min_classes} classes, but these data have {classes}"
    if task == "classification" and entry.max_classes is not None and classes > entry.max_classes:
        return f"{name} needs at most {entry.max_classes} classes, but these data have {classes}"
    return ""


def find(name: str, info: Info, path: str) -> Metric:
    """Return a metric that can be measured on a data set; ConfigError at `path` if it cannot be."""
    try:
        entry: type[Metric] = registry.get("metrics", name, path)
        why = misfit(name, info.task, info.classes)
    except RegistryError as broken:
        raise ConfigError(path, str(broken)) from broken
    if why:
        raise ConfigError(path, why)
    return entry(info.classes)


def chosen(config: Mapping[str, Any], info: Info) -> dict[str, Metric]:
    """Return what a resolved config measures beside the loss: its task's default, then `train.metrics`.

    ConfigError at `train.metrics.<place>` where a metric does not fit the data.
    """
    default = DEFAULTS[info.task]
    found = {default: find(default, info, "train.metrics")}
    for place, name in enumerate(config["train"].get("metrics", ())):
        found[name] = find(name, info, f"train.metrics.{place}")
    return found


def measure(metrics: Mapping[str, Metric], scores: Tensor, target: Tensor) -> Totals:
    """Return every metric's totals of a batch; no gradient goes through them."""
    scores = scores.detach()
    return {name: metric.totals(scores, target) for name, metric in metrics.items()}


def add(parts: Sequence[Totals]) -> Totals:
    """Return the totals of a batch that was measured in parts."""
    return {name: torch.stack([part[name] for part in parts]).sum(0) for name in parts[0]}
