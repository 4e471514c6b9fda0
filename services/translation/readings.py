"""How one value of a program is read as a value of a spec: a reader for each kind of hyperparameter."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Any

from services.translation.entry_names import KINDS, entry, plain
from services.translation.errors import TranslationError
from services.translation.part import number as numeric

Reader = Callable[[Any], Any]


class UnreadableValue(Exception):
    """A value that the spec cannot have at this place; the message says why."""


def number(value: Any) -> float:
    """A number, or a text that is one."""
    try:
        return numeric(value, "it")
    except TranslationError:
        raise UnreadableValue("is no number") from None


def whole(value: Any) -> int:
    """An integer."""
    found = number(value)
    if found != int(found):
        raise UnreadableValue("is no integer")
    return int(found)


def batch(value: Any) -> int | str:
    """A batch size: images, or all of them."""
    return "full" if value == "full" else whole(value)


def widths(value: Any) -> int | list[int] | str:
    """The widths of layers: a number, a list, or none."""
    if value in (0, "none", "None", []):
        return "none"
    if isinstance(value, str) and re.fullmatch(r"\s*\d+(\s*[-,x]\s*\d+)+\s*", value):
        value = re.split(r"[-,x]", value)  # "16-32" and "16,32"
    if isinstance(value, list):
        return [whole(each) for each in value]
    return whole(value)


def bound(value: Any) -> float | str:
    """A bound of gradients; 0, none and null are no bound."""
    if value is None or plain(str(value)) in ("none", "null", "off", "false"):
        return "none"
    return number(value) or "none"


def switch(value: Any) -> bool | None:
    """Whether a switch is on; None for a value that is none, as a number."""
    if isinstance(value, bool):
        return value
    words = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
    return words.get(plain(value)) if isinstance(value, str) else None


def class_weights(value: Any) -> str | list[float]:
    """Weights of classes: a list, or balanced by their images."""
    if isinstance(value, list):
        return [number(each) for each in value]
    if value is None or switch(value) is False or value == "none":
        return "none"
    if switch(value) or value == "balanced":
        return "balanced"
    raise UnreadableValue("is neither balanced nor a list with a weight for each class")


def pieces(value: Any) -> list[list[float]]:
    """Pairs of a time and a factor."""
    if not isinstance(value, list) or not all(isinstance(each, list) and len(each) == 2 for each in value):
        raise UnreadableValue("is no list of pairs [time, factor]")
    return [[number(each) for each in pair] for pair in value]


def yes_no(value: Any) -> str:
    """A switch, as cnnlab writes it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    found = {"true": "yes", "yes": "yes", "1": "yes", "false": "no", "no": "no", "0": "no"}.get(
        plain(str(value))
    )
    if found is None:
        raise UnreadableValue("is neither true nor false")
    return found


def average(value: Any) -> str:
    """A switch of global average pooling."""
    return "average" if yes_no(value) == "yes" else "none"


def norm(value: Any) -> str:
    """A normalization: a switch of batch normalization, or a name."""
    known = {"batch": "batch", "batchnorm": "batch", "bn": "batch", "lrn": "local-response"}
    text = plain(str(value))
    if text in known:
        return known[text]
    if value is None or text == "none":
        return "none"
    try:
        return "batch" if yes_no(value) == "yes" else "none"
    except UnreadableValue:
        raise UnreadableValue("is no normalization of a model: batch, local-response or none") from None


def steps(value: Any) -> str | int:
    """A number of steps of the optimizer."""
    found = whole(value)
    return f"{found} steps" if found else 0


def folds(value: Any) -> int:
    """A number of folds; one fold is none."""
    found = whole(value)
    return 0 if found == 1 else found


def kept(value: Any) -> float:
    """The probability of dropping, from that of keeping."""
    return round(1 - number(value), 12)


def word(known: Mapping[str, Any]) -> Reader:
    """Readers of words from a table."""

    def read(value: Any) -> Any:
        text = plain(str(value))
        if text not in known:
            raise UnreadableValue(f"is none of {', '.join(known)}")
        return known[text]

    return read


def named(path: str) -> Reader:
    """Readers of entries' names."""

    def read(value: Any) -> Any:
        found = entry(path, value)
        if found is None:
            raise UnreadableValue(
                f"is no name that is translated; cnnlab catalog {KINDS[path]} has those there are"
            )
        return deepcopy(found)

    return read
