"""How a point is shown, everywhere: only what varies, with the values that train, as `nesterov, lr 0.1`."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from services.domain.plan.axis import Axis
from services.domain.plan.value_text import value_text

PLAIN = (str, float, int)
ONLY_POINT = "the only point"  # of a sweep in which nothing varies


@dataclass(frozen=True)
class Cell:
    """A point's value on one axis, as text; None where the axis has no value at the point."""

    path: str
    name: str  # the axis's short name
    text: str | None


class PointLabels:
    """The labels of one sweep's points; no two points have the same one.

    A part of a label is a value behind its axis's short name, `lr 0.1`, or an entry by its name alone,
    `nesterov`. An entry that shares its name with another choice of its axis adds what tells the two apart,
    `nesterov, momentum 0.9`, except what another axis sets: that axis shows it.
    """

    def __init__(self, axes: Sequence[Axis]) -> None:
        names = short_names(axes)
        varying = [axis for axis in axes if axis.size != 1]
        entries = Counter(name for axis in varying for name in _entry_names(axis))
        self._axes = [_ShownAxis(axis, names, entries) for axis in varying]

    def label(self, values: Mapping[str, Any]) -> str:
        """The point with these values, by path of their axes: `l2 1e-4, nesterov, lr 0.1, dropout 0.5`."""
        parts = [axis.part(values) for axis in self._axes if axis.path in values]
        return ", ".join(parts) or ONLY_POINT

    def cells(self, values: Mapping[str, Any]) -> list[Cell]:
        """The same for a table: a cell for each axis that varies, in the order of the label."""
        return [
            Cell(axis.path, axis.name, axis.text(values) if axis.path in values else None)
            for axis in self._axes
        ]


def short_names(axes: Sequence[Axis]) -> dict[str, str]:
    """The shortest end of each axis's path that no other axis shares: `train.optimizer.lr` is `lr`."""
    written = {axis.path: _written_path(axis) for axis in axes}
    return {
        path: next(
            (
                end
                for end in _ends(own)
                if not any(f".{other}".endswith(f".{end}") for key, other in written.items() if key != path)
            ),
            own,
        )
        for path, own in written.items()
    }


class _ShownAxis:
    """One axis that varies."""

    def __init__(self, axis: Axis, names: Mapping[str, str], entries: Mapping[str, int]) -> None:
        self.path, self.name = axis.path, names[axis.path]
        self._choices = axis.values
        self._index = {_key(choice): index for index, choice in enumerate(axis.values or [])}
        # The same for numbers and text: to write each as JSON takes longer than all else of a label.
        self._plain = {
            (type(choice), choice): index
            for index, choice in enumerate(axis.values or [])
            if isinstance(choice, PLAIN)
        }
        self._bare = all(entries[name] == 1 for name in _entry_names(axis))
        inside = {path for path in names if path.startswith(f"{axis.path}.")}
        self._below = {path: path.removeprefix(f"{axis.path}.") for path in inside}
        self._taken = {name for path, name in names.items() if path not in inside}  # by other axes
        self._texts: dict[frozenset[str], list[str]] = {}  # of all choices, by what other axes set in them

    def part(self, values: Mapping[str, Any]) -> str:
        """The value at a point as a part of its label."""
        value = values[self.path]
        entry = self._bare and isinstance(value, Mapping) and "name" in value
        return self.text(values) if entry else f"{self.name} {self.text(values)}"

    def text(self, values: Mapping[str, Any]) -> str:
        """The value at a point."""
        value = values[self.path]
        if self._choices is None:
            return value_text(value, exact=True)
        overruled = frozenset(below for path, below in self._below.items() if path in values)
        if overruled not in self._texts:
            self._texts[overruled] = self._all_texts(self._choices, overruled)
        plain = isinstance(value, PLAIN)
        index = self._plain.get((type(value), value)) if plain else self._index.get(_key(value))
        return value_text(value) if index is None else self._texts[overruled][index]

    def _all_texts(self, choices: Sequence[Any], overruled: frozenset[str]) -> list[str]:
        """The texts of all choices, each different from the others."""
        leaves = [_leaves(choice, overruled) for choice in choices]
        differing = _differing(choices, leaves)
        texts = [
            self._entry(choice, own, differing[choice.get("name")])
            if isinstance(choice, Mapping)
            else value_text(choice)
            for choice, own in zip(choices, leaves, strict=True)
        ]
        counts = Counter(texts)
        if not overruled:
            return [
                text if counts[text] == 1 else _key(choice)
                for text, choice in zip(texts, choices, strict=True)
            ]
        # What told these choices apart is set by another axis.
        return [
            text if counts[text] == 1 else f"{text} (choice {number})" for number, text in enumerate(texts, 1)
        ]

    def _entry(self, value: Mapping[str, Any], own: Mapping[str, Any], differing: set[str]) -> str:
        """An entry by its name, or an object without one, and what tells it from others like it."""
        apart = [leaf for leaf in own if leaf in differing]
        if "name" not in value and len(apart) <= 1:  # under l2, {strength: 0.001, scope: weights} is 0.001
            return value_text(own[apart[0]] if apart else next(iter(own.values()), None))
        details = [f"{self._detail_name(leaf, apart)} {value_text(own[leaf])}" for leaf in apart]
        return ", ".join([value_text(value), *details]) if "name" in value else f"({', '.join(details)})"

    def _detail_name(self, leaf: str, shown: Sequence[str]) -> str:
        """The shortest end of a key's path that neither another key shown nor another axis has."""
        others = [_plain_leaf(other) for other in shown if other != leaf]
        whole = _plain_leaf(leaf)
        for end in _ends(f"{self.path}.{whole}"):
            if end not in self._taken and not any(f".{other}".endswith(f".{end}") for other in others):
                return end
        return f"{self.path}.{whole}"


def _entry_names(axis: Axis) -> set[str]:
    return {
        str(value["name"]) for value in axis.values or [] if isinstance(value, Mapping) and "name" in value
    }


def _written_path(axis: Axis) -> str:
    """The path that the user named: of a range for train.l2 the axis's own is train.l2.strength."""
    named = f".{axis.path}".endswith(f".{axis.name}")
    return axis.path if named else axis.path.rpartition(".")[0]


def _ends(path: str) -> Iterator[str]:
    """The ends of a dotted path, shortest first."""
    parts = path.split(".")
    return (".".join(parts[-count:]) for count in range(1, len(parts) + 1))


def _differing(choices: Sequence[Any], leaves: Sequence[Mapping[str, Any]]) -> dict[Any, set[str]]:
    """The leaves in which objects of one name are not all the same, by that name."""
    alike: dict[Any, list[Mapping[str, Any]]] = {}
    for choice, own in zip(choices, leaves, strict=True):
        if isinstance(choice, Mapping):
            alike.setdefault(choice.get("name"), []).append(own)
    return {
        name: {
            leaf
            for leaf in {leaf for own in group for leaf in own}
            if len({_key(own[leaf]) if leaf in own else None for own in group}) > 1
        }
        for name, group in alike.items()
    }


def _leaves(value: Any, overruled: frozenset[str], above: str = "") -> dict[str, Any]:
    """An object's values by dotted path, without its name and without what other axes set."""
    found: dict[str, Any] = {}
    for key, inner in value.items() if isinstance(value, Mapping) else ():
        path = f"{above}{key}"
        if path == "name" or path in overruled:
            continue
        if isinstance(inner, Mapping) and inner:
            found |= _leaves(inner, overruled, f"{path}.")
        else:
            found[path] = inner
    return found


def _plain_leaf(leaf: str) -> str:
    """The path of a key as shown: a nested entry's name stands behind the key that holds the entry."""
    return leaf.removesuffix(".name")


def _key(value: Any) -> str:
    """A value as one text that no other value has."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False)
