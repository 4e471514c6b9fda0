"""Whether a step fits into an epoch, and warm-up and schedule into training, so that there is a rate."""

from collections.abc import Mapping
from math import ceil
from typing import Any

from cnnlab import registry
from cnnlab.batching import batch_order
from cnnlab.errors import ConfigError
from cnnlab.hyper import Span
from cnnlab.rest_of_training import REST, with_lengths


def check(config: Mapping[str, Any], images: int) -> None:
    """Raise ConfigError where the warm-up of a resolved config does not end, or its rate is 0 too early.

    `images` are those of an epoch, which must have the batches of a step. A schedule for the rest of training
    must have a number where `with_lengths` finds none.
    """
    train = with_lengths(config)["train"]
    batches = len(batch_order.cuts(images, batch_order.size(train["batch_size"], images)))
    if train["accumulate"] > batches:
        raise ConfigError(
            "train.accumulate",
            f"must be at most {batches:,}, the batches of an epoch: {images:,} images, "
            f"{train['batch_size']} in a batch; got {train['accumulate']:,}",
        )
    size = batch_order.size(train["batch_size"], images, train["accumulate"])
    epoch = len(batch_order.cuts(images, size))
    steps = train["epochs"] * epoch
    first, more = Span.epochs_and_steps(train["warmup"])
    warmup = first * epoch + more
    length = f"{train['epochs']} epochs of {epoch} steps"
    if warmup >= steps:
        given = f"{more:,} steps" if more else f"{first:g} epochs"
        raise ConfigError("train.warmup", f"must be shorter than training, {length}; got {given}")
    for field, before in (("schedule", warmup), ("momentum_schedule", 0)):
        if train[field].get("over") == REST:
            by_step = train[field].get("unit") == "iteration"
            why = "unit is iteration" if by_step else "train.warmup is in steps"
            left = ceil(steps - before if by_step else (steps - before) / epoch)
            unit = "steps" if by_step else "epochs"
            raise ConfigError(
                f"train.{field}.over",
                f"must be a number of {unit} where {why}; the rest of training is {left:,} here, got {REST}",
            )
    schedule = train["schedule"]
    if "over" not in schedule or not registry.get("schedules", schedule["name"])().at_rest(schedule):
        return
    by_step = schedule.get("unit") == "iteration"
    needed = steps - warmup if by_step else (steps - warmup) / epoch
    if schedule["over"] < needed:
        unit = "steps" if by_step else "epochs"
        behind = f", the first {warmup / (1 if by_step else epoch):g} a warm-up" if warmup else ""
        raise ConfigError(
            "train.schedule.over",
            f"must be at least {ceil(needed):,} {unit}: behind it {schedule['name']} leaves no rate to train "
            f"with, and training takes {length}{behind}; got {schedule['over']:,}",
        )
