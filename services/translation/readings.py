"""How one value of a program is read as a value of a spec: a reader for each kind of hyperparameter."""

from __future__ import annotations

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
    if isinstance(value, list):
        return [whole(each) for each in value]
    return whole(value)


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
