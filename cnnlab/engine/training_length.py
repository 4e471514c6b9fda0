"""Whether warm-up and schedule fit into the length of training, so that there is a rate to train with."""

from collections.abc import Mapping
from math import ceil
from typing import Any

from cnnlab import registry
from cnnlab.batching import batch_order
from cnnlab.errors import ConfigError
from cnnlab.hyper import Span


def check(config: Mapping[str, Any], images: int) -> None:
    """Raise ConfigError where the warm-up of a resolved config does not end, or its rate is 0 too early.

    `images` are those of an epoch.
    """
    train = config["train"]
    size = batch_order.size(train["batch_size"], images, train["accumulate"])
    epoch = len(batch_order.cuts(images, size))
    steps = train["epochs"] * epoch
    first, more = Span.epochs_and_steps(train["warmup"])
    warmup = first * epoch + more
    length = f"{train['epochs']} epochs of {epoch} steps"
    if warmup >= steps:
        given = f"{more:,} steps" if more else f"{first:g} epochs"
        raise ConfigError("train.warmup", f"must be shorter than training, {length}; got {given}")
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
