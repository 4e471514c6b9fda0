"""Schedules that last for the rest of training: their length becomes a number of epochs."""

from collections.abc import Mapping
from math import ceil
from typing import Any

from cnnlab.hyper import Span

REST = "rest"


def lengths(train: Mapping[str, Any]) -> dict[str, int]:
    """Return `over` of each schedule of a resolved section train for which it is "rest", by the field.

    n = max(1, ⌈epochs − warm-up⌉), epochs; the momentum has no warm-up. A schedule is left out where the
    number depends on the data: in iterations, and behind a warm-up in steps.
    """
    found = {}
    for field in ("schedule", "momentum_schedule"):
        schedule = train.get(field, {})
        if schedule.get("over") != REST or schedule.get("unit") == "iteration":
            continue
        epochs, steps = Span.epochs_and_steps(train["warmup"]) if field == "schedule" else (0.0, 0)
        if not steps:
            found[field] = max(1, ceil(train["epochs"] - epochs))
    return found


def with_lengths(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return a resolved config with a number wherever `lengths` has one."""
    train = dict(config.get("train", {}))
    found = lengths(train)
    for field, over in found.items():
        train[field] = {**train[field], "over": over}
    return {**config, "train": train} if found else dict(config)
