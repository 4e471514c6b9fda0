"""Reading and writing dotted paths in a config, a nested dict."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

Config = dict[str, Any]


def read(config: Mapping[str, Any], path: str) -> Any:
    """Return the value at a dotted path; `KeyError` where there is none."""
    value: Any = config
    for part in path.split("."):
        if not isinstance(value, Mapping):
            raise KeyError(path)
        value = value[part]
    return value


def overlay(config: Mapping[str, Any], choices: Mapping[str, Any]) -> Config:
    """Return a copy of `config` with each path set to its choice, parents before children.

    A bare name standing where a child is to be set becomes an object: {"name": "adam"}.
    """
    result: Config = copy.deepcopy(dict(config))
    for path in sorted(choices, key=lambda p: p.count(".")):
        *parents, leaf = path.split(".")
        place: dict[str, Any] = result
        for part in parents:
            inside = place.get(part)
            if not isinstance(inside, dict):
                inside = {} if inside is None else {"name": inside}
                place[part] = inside
            place = inside
        place[leaf] = copy.deepcopy(choices[path])
    return result


def related(a: str, b: str) -> bool:
    """Whether one path is the other or lies inside it."""
    return a == b or a.startswith(b + ".") or b.startswith(a + ".")
