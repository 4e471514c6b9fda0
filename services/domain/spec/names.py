"""Names as users shorten them: a path by its end, an entry by its name."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

NUMBER = re.compile(r"-?(0|[1-9]\d{0,14})(\.\d{1,30})?([eE][-+]?\d{1,3})?")  # as JSON writes one


def paths_named(name: str, paths: Collection[str]) -> list[str]:
    """List the paths that a name can mean: the path itself, else every path that ends with the name."""
    if name in paths:
        return [name]
    return sorted({path for path in paths if path.endswith(f".{name}")})


def full_path(name: str, paths: Collection[str]) -> str | None:
    """Return the one path that a name means; None if there is none, or more than one."""
    found = paths_named(name, paths)
    return found[0] if len(found) == 1 else None


def entry_name(value: Any) -> Any:
    """Return an entry's name, `adam` for {"name": "adam", "lr": 0.1}; any other value as it is."""
    return value["name"] if isinstance(value, Mapping) and "name" in value else value


def plain(value: Any) -> Any:
    """Return a value as comparisons see it: an entry is its name, true is `yes`, and "18" is the number 18.

    So it does not matter in which of these forms a user wrote it, nor whether YAML reads `yes` as true.
    """
    value = entry_name(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str) and NUMBER.fullmatch(value):
        return float(value) if set(value) & set(".eE") else int(value)
    return value


def matches(value: Any, wanted: Any) -> bool:
    """Whether a value is the wanted one: equal, an entry of that name, or an object with all its fields."""
    if isinstance(wanted, Mapping):
        fields = value if isinstance(value, Mapping) else {"name": value}
        return all(key in fields and plain(fields[key]) == plain(part) for key, part in wanted.items())
    return bool(plain(value) == plain(wanted))
