"""A mapping of the file that remembers which of its keys were read, so that every other one is named."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from services.translation.errors import TranslationError

MAX_SHOWN_CHARS = 60
KINDS: Mapping[type, str] = {
    str: "text",
    list: "a list",
    dict: "a mapping",
    float: "a number",
    int: "an integer",
}


def shown(value: Any) -> str:
    """A value in one short line."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    line = " ".join(text.split())
    return line if len(line) <= MAX_SHOWN_CHARS else f"{line[: MAX_SHOWN_CHARS - 1]}…"


def number(value: Any, place: str) -> float:
    """A number, or a text that is one, as Katib writes all of them; integers stay integers."""
    if isinstance(value, str):
        for read in (int, float):
            try:
                return _finite(read(value), value, place)
            except ValueError:
                continue
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TranslationError(f"{place} must be a number, got {shown(value)}")
    return _finite(value, value, place)


def _finite(read: float, value: Any, place: str) -> float:
    if not abs(read) <= 2**53:
        raise TranslationError(f"{place} must be a number up to 2^53, got {shown(value)}")
    return read


class FilePart:
    """A mapping below a place of the file. What nobody has taken is left, and can be listed."""

    def __init__(self, value: Mapping[str, Any], place: str = "") -> None:
        self._value, self._place = value, place
        self._left = dict.fromkeys(value)
        self._below: list[FilePart] = []

    def __contains__(self, key: str) -> bool:
        return key in self._value

    def __iter__(self) -> Iterator[str]:
        return iter(self._value)

    def at(self, key: str) -> str:
        """The place of a key, in dots."""
        return f"{self._place}.{key}" if self._place else key

    def take(self, key: str, default: Any = None) -> Any:
        """The value of a key, which counts as read from now on."""
        self._left.pop(key, None)
        return self._value.get(key, default)

    def number(self, key: str) -> float | None:
        """A number, or None where the key is missing; `TranslationError` for anything else."""
        value = self.take(key)
        return None if value is None else number(value, self.at(key))

    def whole(self, key: str) -> int | None:
        """An integer, or None where the key is missing."""
        found = self.number(key)
        if found is not None and found != int(found):
            raise TranslationError(f"{self.at(key)} must be an integer, got {found:g}")
        return None if found is None else int(found)

    def text(self, key: str) -> str:
        """A text, or the empty one where the key is missing."""
        return str(self._of(key, str, ""))

    def listed(self, key: str) -> list[Any]:
        """A list, or an empty one where the key is missing."""
        return list(self._of(key, list, []))

    def part(self, key: str) -> FilePart:
        """The mapping below a key, an empty one where it is missing; its keys are read one by one."""
        below = FilePart(self._of(key, dict, {}), self.at(key))
        self._below.append(below)
        return below

    def each(self, key: str) -> list[FilePart]:
        """The mappings of a list below a key."""
        found = []
        for index, value in enumerate(self.listed(key)):
            place = f"{self.at(key)}[{index}]"
            if not isinstance(value, dict):
                raise TranslationError(f"{place} must be a mapping, got {shown(value)}")
            found.append(FilePart(value, place))
        self._below += found
        return found

    def left(self) -> Iterator[tuple[str, Any]]:
        """Place and value of every key that nobody has taken, also below."""
        yield from ((self.at(key), self._value[key]) for key in self._left)
        for below in self._below:
            yield from below.left()

    def _of(self, key: str, kind: type, default: Any) -> Any:
        value = self.take(key)
        if value is None:
            return default
        if not isinstance(value, kind):
            raise TranslationError(f"{self.at(key)} must be {KINDS[kind]}, got {shown(value)}")
        return value
