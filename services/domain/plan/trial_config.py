"""The config of a trial: its values in a base config, and a number for a schedule that lasts to its end."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from cnnlab.rest_of_training import REST, lengths, with_lengths
from services.domain.config import Config, overlay

SCHEDULES = ("train.schedule", "train.momentum_schedule")


def trial_config(base: Mapping[str, Any], values: Mapping[str, Any]) -> Config:
    """The complete config of a trial with these values, by path."""
    return with_lengths(overlay(base, values))


def trained_values(base: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """A trial's values and, by its path, the length of each schedule that follows from others."""
    own = {path: value for path, value in values.items() if path == "train" or path.startswith("train.")}
    train = overlay({"train": base.get("train", {})}, own)["train"]
    return {**values, **{f"train.{name}.over": over for name, over in lengths(train).items()}}


def resting(base: Mapping[str, Any], axes: Iterable[tuple[str, Iterable[Any]]]) -> str | None:
    """The path of a schedule that lasts for the rest of training in some trials; None without one.

    `axes` are the paths of what varies, each with its values.
    """
    varied = list(axes)
    for path in SCHEDULES:
        choices = [base.get("train", {}).get(path.removeprefix("train."))]
        choices += [value for at, values in varied if at == path for value in values]
        overs = [choice.get("over") for choice in choices if isinstance(choice, Mapping)]
        overs += [value for at, values in varied if at == f"{path}.over" for value in values]
        if REST in overs:
            return path
    return None
