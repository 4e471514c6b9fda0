"""The resolved config of a trial as text, from which its identity is made."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import lru_cache, partial
from typing import Any, NamedTuple

from services.domain.plan.trial_config import trained_values

EPOCHS = "train.epochs"  # a longer trial begins as a shorter one does: nothing in training reads the number
MAX_KEPT = 256  # paths, and sets of them, which differ only where axes have conditions


class _Rest(NamedTuple):
    """What no value of some paths changes: a line for each path, and the paths that do not matter."""

    lines: dict[str, str | None]
    skipped: list[str]


class ConfigText:
    """The configs of a sweep's trials, each as text: equal where they train the same.

    The leaves of the config, sorted, one a line: its dotted path, its value as JSON, and the digests of the
    code of the entries that it names. A trial has its values in a base config; what they leave of that is
    kept from one trial to the next.
    """

    def __init__(self, base: Mapping[str, Any], code: Mapping[str, str]) -> None:
        self._code = code
        self._trained = partial(trained_values, {"train": base.get("train", {})})
        self._digests_on = lru_cache(MAX_KEPT)(self._named_in)
        self._base = self._leaves("", base)
        self._rest = lru_cache(MAX_KEPT)(self._without)

    def of(self, values: Mapping[str, Any]) -> str | None:
        """The text of the config with these values; None where an entry's code or content is unknown."""
        values = self._trained(values)
        rest, own = self._rest(tuple(values)), self._own(values)
        lines = rest.lines | own
        for path in (*rest.skipped, *_skipped(own)):
            lines.pop(path, None)
        found = [line for line in lines.values() if line is not None]
        return "\n".join(sorted(found)) if len(found) == len(lines) else None

    def _own(self, values: Mapping[str, Any]) -> dict[str, str | None]:
        """The lines of some values; an inner value replaces all that an outer one has there."""
        own: dict[str, str | None] = {}
        for path in sorted(values, key=_depth):
            if own:
                own = {at: line for at, line in own.items() if not _is_in(at, path)}
            own |= self._leaves(path, values[path])
        return own

    def _without(self, paths: tuple[str, ...]) -> _Rest:
        """What is left of the base config without these paths and all that lies in them."""
        lines = {at: line for at, line in self._base.items() if not any(_is_in(at, path) for path in paths)}
        skipped = _skipped(lines)
        return _Rest({at: line for at, line in lines.items() if at not in skipped}, skipped)

    def _leaves(self, path: str, value: Any) -> dict[str, str | None]:
        """What stands at the ends of an object's paths; None for an entry whose code is unknown."""
        return {at: self._line(at, leaf) for at, leaf in _ends(path, value)}

    def _line(self, path: str, leaf: Any) -> str | None:
        digests = self._digests_on(path)
        if path.endswith(".name"):
            if leaf not in self._code:
                return None
            digests = f"{digests} {self._code[leaf]}"
        return f"{path}={json.dumps(leaf)}{digests}"

    def _named_in(self, path: str) -> str:
        # A penalty or an augmentation is a field, not a name. Better one digest too many than one too few.
        return "".join(f" {self._code[part]}" for part in path.split(".") if part in self._code)


def _skipped(lines: Mapping[str, str | None]) -> list[str]:
    """The paths that do not matter: the epochs, and where data lie whose content is known."""
    return [
        EPOCHS,
        *(
            f"{at.removesuffix('sha256')}path"
            for at, line in lines.items()
            if at.endswith(".sha256") and line not in (f"{at}=null", f'{at}=""')
        ),
    ]


def _is_in(at: str, path: str) -> bool:
    return at == path or at.startswith(f"{path}.")


def _depth(path: str) -> int:
    return path.count(".")


def _ends(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    """The ends of an object's paths; a whole number is an integer, however it is written."""
    if isinstance(value, Mapping) and value:
        for name, inner in value.items():
            yield from _ends(f"{path}.{name}" if path else str(name), inner)
    elif isinstance(value, float) and value.is_integer():
        yield path, int(value)
    else:
        yield path, value
