"""Choices that are valid one by one but not together: refused, with the reason, before any training."""

from collections.abc import Mapping
from typing import Any

from cnnlab import registry
from cnnlab.augmentation import Augmentation, Mixture
from cnnlab.config import row_numbers
from cnnlab.data import Task
from cnnlab.engine import class_weights
from cnnlab.engine.clipping import FIELDS
from cnnlab.engine.net import Net
from cnnlab.errors import ConfigError
from cnnlab.loss import Loss
from cnnlab.optimizer import Optimizer
from cnnlab.precision import COARSE
from cnnlab.regularizer import Regularizer


def check(config: Mapping[str, Any], net: Net, task: Task) -> None:
    """Raise ConfigError where loss, optimizer, penalties, net and data of a resolved config conflict."""
    net.chain.check(row_numbers(config))
    _check_loss(config, task)
    class_weights.check(config, net.chain.output(net.shape)[0])
    _check_rule(config)
    _check_changes(config, net, task)
    _check_size(config, net)
    _check_precision(config)
    name = config["train"]["optimizer"]["name"]
    if registry.get("optimizers", name).full_batch:
        _check_full_batch(name, config, net)


def _check_loss(config: Mapping[str, Any], task: Task) -> None:
    name = config["train"]["loss"]["name"]
    loss: type[Loss] = registry.get("losses", name)
    if task not in loss.tasks:
        fit = [other for other in registry.names("losses") if task in registry.get("losses", other).tasks]
        targets = "numbers" if task == "regression" else "classes"
        raise ConfigError(
            "train.loss", f"must be one of {', '.join(fit)} where targets are {targets}, got {name}"
        )


def _check_rule(config: Mapping[str, Any]) -> None:
    """Refuse hyperparameters of the optimizer that do not go together."""
    optimizer = config["train"]["optimizer"]
    try:
        registry.get("optimizers", optimizer["name"])().check(optimizer)
    except ConfigError as wrong:
        raise ConfigError(f"train.optimizer.{wrong.path}", wrong.message) from None


def _check_changes(config: Mapping[str, Any], net: Net, task: Task) -> None:
    """Refuse augmentations that make targets wrong, that need other images, or that exclude each other."""
    mixture = ""
    for name in registry.names("augmentations"):
        amount = config["data"].get(name)
        if not amount:
            continue
        entry: type[Augmentation] = registry.get("augmentations", name)
        if task not in entry.tasks:
            targets = "numbers" if task == "regression" else "classes"
            raise ConfigError(
                f"data.{name}", f"must be 0 where targets are {targets}: it would make them wrong"
            )
        if entry.channels not in (None, net.shape[0]):
            raise ConfigError(
                f"data.{name}",
                f"must be 0 where images have no {entry.channels} channels; these have {net.shape[0]}, got "
                f"{amount:g}",
            )
        if issubclass(entry, Mixture):
            if mixture:
                raise ConfigError(
                    f"data.{name}",
                    f"must be 0 where data.{mixture} is on, because an image has at most two targets; got "
                    f"{amount:g}",
                )
            mixture = name


def _check_size(config: Mapping[str, Any], net: Net) -> None:
    name = config["train"]["optimizer"]["name"]
    optimizer: type[Optimizer] = registry.get("optimizers", name)
    if optimizer.max_parameters is not None and net.parameters > optimizer.max_parameters:
        gibibytes = 8 * net.parameters**2 / 2**30
        raise ConfigError(
            "train.optimizer",
            f"{name} keeps a matrix of parameters × parameters, so the net may have at most "
            f"{optimizer.max_parameters:,}; got {net.parameters:,}, a matrix of {gibibytes:,.1f} GiB a trial",
        )


def _check_precision(config: Mapping[str, Any]) -> None:
    """Refuse coarse products for methods that compare values of the objective or invert a matrix."""
    name, precision = config["train"]["optimizer"]["name"], config["train"]["precision"]
    entry: type[Optimizer] = registry.get("optimizers", name)
    if precision in COARSE and (entry.full_batch or entry.max_parameters is not None):
        raise ConfigError(
            "train.precision",
            f"must be float32 or float64 with {name}, whose steps need more digits than {precision} has",
        )


def _check_full_batch(name: str, config: Mapping[str, Any], net: Net) -> None:
    """Refuse whatever would change the objective between two evaluations of one step."""
    train = config["train"]
    if train["batch_size"] != "full":
        raise ConfigError(
            "train.batch_size",
            f"must be full with {name}, which needs the same objective at every evaluation; "
            f"got {train['batch_size']}",
        )
    for bound in FIELDS:
        if train[bound] != "none":
            raise ConfigError(
                f"train.{bound}",
                f"must be none with {name}, whose steps need the gradient as it is; got {train[bound]:g}",
            )
    for path in net.random:
        if value := _at(config, path):
            raise ConfigError(
                path,
                f"must be 0 with {name}, which needs the same objective at every evaluation; got {value:g}",
            )
    if net.buffered:
        raise ConfigError(
            "train.optimizer",
            f"{name} cannot train a net with batch normalization, whose statistics change at every "
            "evaluation; leave the normalization out",
        )
    for kind in registry.names("augmentations"):
        if config["data"].get(kind):
            raise ConfigError(
                f"data.{kind}", f"must be 0 with {name}, which needs the same images at every evaluation"
            )
    for penalty in registry.names("regularizers"):
        entry: type[Regularizer] = registry.get("regularizers", penalty)
        beside = entry.before is not Regularizer.before or entry.after is not Regularizer.after
        if beside and train.get(penalty, {}).get("strength"):
            raise ConfigError(
                f"train.{penalty}",
                f"must be 0 with {name}, which minimizes the objective: {penalty} is no part of it; "
                "penalties in the objective are l1 and l2",
            )


def _at(config: Mapping[str, Any], path: str) -> float:
    value: Any = config
    for part in path.split("."):
        value = value[part]
    return float(value)
