"""The shortest way to write a config: without what the catalog fills in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from services.domain.config import Config
from services.domain.planning.catalog import ConfigFault

KEPT = frozenset({"sha256"})  # fields that stay though the config would be the same without them


def shortest(config: Config, resolve: Callable[[Mapping[str, Any]], Config]) -> dict[str, Any]:
    """The same config without what `resolve` fills in by itself; an entry without fields is its name."""
    short = {name: dict(section) for name, section in config.items()}
    for section in short.values():
        _shorten(section, lambda: resolve(short) == config)
    return {name: _plain(section) for name, section in short.items() if section}


def _shorten(part: dict[str, Any], is_same: Callable[[], bool]) -> None:
    """Take away every field without which the config is the same, the ones inside an object by themselves."""
    for name, value in list(part.items()):
        del part[name]
        if name not in KEPT and _holds(is_same):
            continue
        part[name] = value
        if isinstance(value, Mapping):
            part[name] = dict(value)
            _shorten(part[name], is_same)
            part[name] = _plain(part[name])


def _holds(is_same: Callable[[], bool]) -> bool:
    try:
        return is_same()
    except ConfigFault:
        return False


def _plain(part: dict[str, Any]) -> Any:
    return part["name"] if set(part) == {"name"} else part
