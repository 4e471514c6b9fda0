"""A dry build: what a config costs, and whether its images fit its model, before any image is loaded."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import prod
from typing import Any

import torch

from cnnlab import registry
from cnnlab.batching import validation_part
from cnnlab.config import row_numbers
from cnnlab.data import DataError, Info, Task, data_set, seen
from cnnlab.engine import conflicts, training_length
from cnnlab.engine.array import MAX_KEPT_ACTIVATIONS
from cnnlab.engine.net import Net, build
from cnnlab.engine.scheduled import SCHEDULE_FIELDS
from cnnlab.errors import ConfigError
from cnnlab.kernels import library
from cnnlab.layer import Context, Mode
from cnnlab.metric import chosen
from cnnlab.optimizer import Optimizer
from cnnlab.plugins import plugins
from cnnlab.precision import PRECISIONS
from cnnlab.schedule import Schedule

MAX_TRIED_PARAMETERS, MAX_TRIED_WORK = 2**22, 2**28  # of nets that are tried with numbers, in milliseconds


@dataclass(frozen=True)
class NetCost:
    """The facts of a trial that need no training; flops and connections are of one image, forward.

    bytes_per_row: parameters, gradient, best parameters, slots and penalties of one row, its optimizer's
    workspace, and the activations that one training step keeps for the backward pass. bytes_shared: the
    images that all rows of an array share, as floats, where a batch is all of them. bytes_data: the data set
    as it lies on the device, images as bytes and targets of 8 bytes. compiled: whether some of the net is an
    operation that can be compiled. alone: why rows cannot pass through it side by side, "" where they can.
    notes: what a user should read about the images.
    """

    parameters: int
    buffers: int
    slots: int
    flops: int
    connections: int
    bytes_per_row: int
    bytes_shared: int
    bytes_data: int
    input: tuple[int, int, int]
    classes: int
    task: Task
    class_names: tuple[str, ...]
    notes: tuple[str, ...]
    compiled: bool
    alone: str
    net: Net = field(compare=False, repr=False)


def inspect(config: Mapping[str, Any]) -> NetCost:
    """Build a resolved config's net on paper; ConfigError where model, images and batch do not fit.

    `point` checks what belongs to a row, for each point of a sweep.
    """
    info = _info(config["data"])
    stored = data_set(config["data"]).info(config["data"])  # before `resize`
    train = config["train"]
    if not info.test and train["test"] != "never":
        raise ConfigError(
            "train.test", f"must be never: the data set has no images to test on; got {train['test']}"
        )
    validation_part.check(info, config["data"])
    chosen(config, info)  # a ConfigError where train.metrics does not fit the data
    net = build(config)
    untried = plugins().files and not net.chain.tried
    scores = dry_forward(net, config) if untried else (2, 1, *net.chain.output(net.shape))
    if scores != (2, 1, info.classes):
        raise ConfigError("model", f"must give {info.classes} scores for an image, got {scores[2:]}")
    if train["batch_size"] == 1 and net.buffered:
        raise ConfigError("train.batch_size", "must be at least 2 with batch normalization, got 1")
    if net.buffered and validation_part.sizes(info, config["data"]).train < 2:
        raise ConfigError("data", "must have at least 2 images to train on with batch normalization, got 1")
    return NetCost(
        parameters=net.parameters,
        buffers=net.buffered,
        slots=_slots(config, net),
        flops=2 * net.work.multiply_adds,
        connections=net.work.connections,
        bytes_per_row=_bytes_per_row(config, net, info.train),
        bytes_shared=0 if has_own_batches(config) else _bytes_of_all(config, net, info.train),
        bytes_data=(stored.train + stored.validation + stored.test) * (prod(stored.shape) + 8),
        input=info.shape,
        classes=info.classes,
        task=info.task,
        class_names=info.class_names,
        notes=(*validation_part.notes(info, config["data"]), *info.notes),
        compiled=net.chain.compiled,
        alone=net.chain.alone,
        net=net,
    )


def point(config: Mapping[str, Any], built: NetCost) -> int:
    """Return bytes_per_row of a config of this shape; ConfigError where its choices conflict."""
    conflicts.check(config, built.net, built.task)
    info = _info(config["data"])
    training_length.check(config, validation_part.sizes(info, config["data"]).train)
    return _bytes_per_row(config, built.net, info.train)


def row_state(config: Mapping[str, Any], built: NetCost) -> dict[str, str]:
    """Return what training keeps of a row besides its weights, in words, by the path of what keeps it.

    Two rows with the same words can go on from each other's state.
    """
    train = config["train"]
    optimizer = f"{_slots(config, built.net)} numbers per weight of {train['optimizer']['name']}"
    found = {"train.optimizer": optimizer}
    for schedule in SCHEDULE_FIELDS.values():
        name = train[schedule]["name"]
        remembers = registry.get("schedules", name).observe is not Schedule.observe
        found[f"train.{schedule}"] = f"what {name} has observed" if remembers else "nothing"
    found["train.ema"] = "a mean of the weights" if train["ema"] else "nothing"
    return found


def _bytes_per_row(config: Mapping[str, Any], net: Net, images: int) -> int:
    train = config["train"]
    penalties = sum(train[name]["strength"] > 0 for name in registry.names("regularizers") if name in train)
    batch = images if train["batch_size"] == "full" else min(images, int(train["batch_size"]))
    whole = net.buffered or net.chain.whole_batches  # else in parts
    if train["batch_size"] == "full" and not whole:
        batch = min(images, MAX_KEPT_ACTIVATIONS // net.work.activations + 1)
    means = 2 * (train["ema"] > 0)  # with the copy of it after the last whole epoch
    rows: int = (3 + _slots(config, net) + penalties + means) * net.parameters + 2 * net.buffered
    rows += _optimizer(config).workspace(net.parameters)
    own = _bytes_of_all(config, net, images) if has_own_batches(config) else 0
    kept = PRECISIONS[config["train"]["precision"]].activation_bytes
    return own + _float_bytes(config) * rows + kept * 2 * batch * net.work.activations


def _bytes_of_all(config: Mapping[str, Any], net: Net, images: int) -> int:
    """Return the bytes of all images as floats, where a batch is all of them; else 0."""
    full = config["train"]["batch_size"] == "full"
    return _float_bytes(config) * images * prod(net.shape) if full else 0


def has_own_batches(config: Mapping[str, Any]) -> bool:
    """Whether rows of an array may train on different images at one step."""
    data = config["data"]
    return data["stream"] == "trial" or any(data.get(name) for name in registry.names("augmentations"))


def _float_bytes(config: Mapping[str, Any]) -> int:
    return torch.finfo(PRECISIONS[config["train"]["precision"]].rows).bits // 8


def _slots(config: Mapping[str, Any], net: Net) -> int:
    return _optimizer(config).slot_count(config["train"]["optimizer"], net.parameters)


def _optimizer(config: Mapping[str, Any]) -> Optimizer:
    found: Optimizer = registry.get("optimizers", config["train"]["optimizer"]["name"])()
    return found


def _info(data: Mapping[str, Any]) -> Info:
    try:
        return seen(data)
    except DataError as error:
        raise ConfigError("data.of.path" if "of" in data else "data.path", str(error)) from None


def dry_forward(net: Net, config: Mapping[str, Any]) -> tuple[int, ...]:
    """Return the shape of the scores of two images for one row, with zeros everywhere.

    Only where there are plug-ins are nets tried in this way, as other layers declare what they return. A
    large net is tried on the meta device, where nothing is computed; but torch imports its compiler for that,
    which takes more than a second.
    """
    small = net.parameters <= MAX_TRIED_PARAMETERS and 2 * net.work.multiply_adds <= MAX_TRIED_WORK
    with library.torch_alone(), torch.no_grad(), torch.device("cpu" if small else "meta"):
        one = torch.zeros(1, dtype=torch.int32)
        hypers = {path: torch.zeros(1) for path in row_numbers(config)}
        context = Context(hypers, frozenset(), one, one, Mode.PREDICT)
        theta, buffers = torch.zeros(1, net.parameters), torch.zeros(1, net.buffered)
        return tuple(net.forward(theta, buffers, torch.zeros(2, 1, *net.shape), context).shape)
