"""Reading and writing dotted paths in a config, a nested dict."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
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
    result: Config = _copied(dict(config))
    for path in sorted(choices, key=lambda p: p.count(".")):
        *parents, leaf = path.split(".")
        place: dict[str, Any] = result
        for part in parents:
            inside = place.get(part)
            if not isinstance(inside, dict):
                inside = {} if inside is None else {"name": inside}
                place[part] = inside
            place = inside
        place[leaf] = _copied(choices[path])
    return result


def _copied(value: Any) -> Any:
    """A copy of what JSON can hold, which has no cycles that `copy.deepcopy` would look for."""
    if isinstance(value, dict):
        return {name: _copied(inner) for name, inner in value.items()}
    return [_copied(inner) for inner in value] if isinstance(value, list) else value


def as_trained(choices: Mapping[str, Any]) -> dict[str, Any]:
    """Return choices by path as they train: an entry that another choice changes holds that one's value.

    {"train.optimizer": {"name": "adam", "lr": 0.001}, "train.optimizer.lr": 0.1} has 0.1 in both.
    """
    if not any(path in choices for inner in choices for path in _parents(inner)):
        return dict(choices)
    config = overlay({}, choices)
    return {path: read(config, path) for path in choices}


def _parents(path: str) -> Iterator[str]:
    """The paths in which this one lies."""
    while path := path.rpartition(".")[0]:
        yield path


def without(value: Any, paths: Collection[str]) -> Any:
    """Return a copy of an object without what is at these dotted paths; any other value as it is."""
    if not isinstance(value, Mapping):
        return value
    below = {
        key: [path.removeprefix(f"{key}.") for path in paths if path.startswith(f"{key}.")] for key in value
    }
    return {key: without(inner, below[key]) for key, inner in value.items() if key not in paths}


def related(a: str, b: str) -> bool:
    """Whether one path is the other or lies inside it."""
    return a == b or a.startswith(b + ".") or b.startswith(a + ".")
