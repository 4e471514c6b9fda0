"""Plain code: a layer of one trial as a module of torch, for a file that needs nothing but torch."""

import keyword
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from textwrap import indent

from torch import Tensor, nn

MAX_CALL_CHARS = 84  # of a call in one line; nested ones stand further to the right


@dataclass(frozen=True)
class TrainedLayer:
    """What one trial has of a layer: the shape of its input, its tensors by name, and the model's numbers.

    `weights` are parameters and buffers, each in its own shape, without the axis of rows. `hypers` are the
    numbers in which rows may differ, by their path in a config.
    """

    shape: tuple[int, ...]
    weights: Mapping[str, Tensor]
    hypers: Mapping[str, float]


@dataclass(frozen=True)
class PlainCode:
    """A module of torch: the expression that makes it, its state dict, and the classes of its own it needs.

    Names in the expression are `nn`, `OrderedDict` and those classes, whose source goes into the file; they
    may use `torch`, `nn`, `Tensor` and `functional`.
    """

    expression: str
    state: Mapping[str, Tensor] = field(default_factory=dict)
    classes: tuple[type[nn.Module], ...] = ()


def call(name: str, *arguments: object, **named: object) -> str:
    """Return the source of a call, over several lines where one would be long; texts stand as they are."""
    given = [*map(str, arguments), *(f"{key}={value}" for key, value in named.items())]
    line = f"{name}({', '.join(given)})"
    if len(line) <= MAX_CALL_CHARS and "\n" not in line:
        return line
    inner = indent("\n".join(f"{each}," for each in given), "    ")
    return f"{name}(\n{inner}\n)"


def listing(items: Iterable[str]) -> str:
    """Return the source of a list, over several lines where one would be long."""
    made = call("", *items)
    return f"[{made[1:-1]}]"


def module(kind: type[nn.Module], *arguments: object, **named: object) -> str:
    """Return the call of one of the classes whose source goes into the file."""
    return call(kind.__name__, *arguments, **named)


def sequence(parts: Mapping[str, PlainCode]) -> PlainCode:
    """Return named modules one after the other as one; without any it is the identity."""
    if not parts:
        return PlainCode("nn.Identity()")
    names = identifiers(parts)
    inner = call("OrderedDict", **{names[each]: code.expression for each, code in parts.items()})
    return PlainCode(
        call("nn.Sequential", inner),
        joined_states({names[each]: code for each, code in parts.items()}),
        joined_classes(parts.values()),
    )


def joined_states(parts: Mapping[str, PlainCode]) -> dict[str, Tensor]:
    """Return the state dict of a module with these submodules."""
    return {f"{name}.{key}": value for name, code in parts.items() for key, value in code.state.items()}


def joined_classes(parts: Iterable[PlainCode]) -> tuple[type[nn.Module], ...]:
    """Return the classes that any of them needs, each once."""
    return tuple(dict.fromkeys(kind for code in parts for kind in code.classes))


def identifiers(names: Collection[str]) -> dict[str, str]:
    """Return for each name of a layer the attribute of a module: block1.conv2 → block1_conv2.

    What Python or `nn.Module` use otherwise gets `_` behind it, and equal ones are counted.
    """
    found: dict[str, str] = {}
    for name in names:
        plain = re.sub(r"\W", "_", name, flags=re.ASCII)
        if not plain[:1].isalpha():
            plain = f"layer_{plain}"
        if keyword.iskeyword(plain) or hasattr(nn.Module, plain):
            plain = f"{plain}_"
        number, free = 1, plain
        while free in found.values():
            number += 1
            free = f"{plain}_{number}"
        found[name] = free
    return found
