"""Class weights of losses: `balanced` becomes numbers once the images of each class are counted."""

from collections.abc import Mapping, Sequence
from typing import Any

from cnnlab.errors import ConfigError


def balanced(counts: Sequence[int]) -> list[float]:
    """Return N/(C·n_c) for each class of n_c of the N images: their mean over all images is 1.

    A class without images has none that would be weighted, and counts as if it had one.
    Source: G. King and L. Zeng, "Logistic regression in rare events data" (2001).
    """
    images = sum(counts)
    return [images / (len(counts) * max(1, count)) for count in counts]


def counted(config: Mapping[str, Any], counts: Sequence[int]) -> Mapping[str, Any]:
    """Return a config whose class weights are numbers, by the training images of each class."""
    train = config["train"]
    if train["loss"].get("class_weights") != "balanced":
        return config
    loss = {**train["loss"], "class_weights": balanced(counts)}
    return {**config, "train": {**train, "loss": loss}}


def check(config: Mapping[str, Any], classes: int) -> None:
    """Raise ConfigError unless a list has a weight for each class."""
    weights = config["train"]["loss"].get("class_weights", "none")
    if isinstance(weights, list) and len(weights) != classes:
        raise ConfigError(
            "train.loss.class_weights",
            f"must have {classes} weights, one for each class of the data; got {len(weights)}",
        )
