"""Reading a sweep's file: YAML with its traps closed, and every fault told with its line."""

from __future__ import annotations

import math
import re
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml

from services.cli.errors import Failure


class Loader(yaml.SafeLoader):
    """YAML that reads 1e-3 as a number, as people write it, and refuses a key given twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """Build one mapping."""
        seen: set[str] = set()
        for key, _ in node.value:
            if key.value in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"{key.value!r} is given twice", key.start_mark
                )
            seen.add(key.value)
        return super().construct_mapping(node, deep)


Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"^[-+]?\d+[eE][-+]?\d+$"), list("-+0123456789")
)


def read(path: Path) -> dict[str, Any]:
    """Return the spec that a file holds; `Failure` with exit code 2 says where the file is wrong."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise Failure(
            f"no file {path}: give a YAML or JSON file, e.g. examples/dropout-grid.yaml", 2
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise Failure(f"{path} cannot be read: {error}", 2) from None
    try:
        # Loader is a SafeLoader: it builds plain data only.
        spec = yaml.load(text, Loader)  # noqa: S506
        if not isinstance(spec, dict):
            raise Failure(f"{path} must hold a mapping with name, model and space, got {_kind(spec)}", 2)
        _check(path, spec, "")
    except yaml.YAMLError as error:
        raise Failure(f"{path} is not YAML: {_where(error)}", 2) from None
    except RecursionError:
        raise Failure(f"{path} is nested too deeply", 2) from None
    return spec


def _where(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or str(error)
    return f"line {mark.line + 1}, column {mark.column + 1}: {problem}" if mark else problem


def _check(path: Path, value: Any, place: str) -> None:
    """Refuse what JSON cannot carry, by its place: NaN, infinities, dates, keys that are no text."""
    match value:
        case dict():
            for key, inner in value.items():
                if not isinstance(key, str):
                    raise Failure(
                        f"{path}: the key {key!r} in {place or 'the top'} must be text: put it in quotes", 2
                    )
                _check(path, inner, f"{place}.{key}" if place else key)
        case list():
            for index, inner in enumerate(value):
                _check(path, inner, f"{place}[{index}]")
        case float() if not math.isfinite(value):
            raise Failure(f"{path}: {place} must be a finite number, got {value}", 2)
        case str() | bool() | int() | float() | None:
            pass
        case _:
            raise Failure(
                f"{path}: {place} must be a number, text, a list or a mapping, got {_kind(value)}: quote it",
                2,
            )


def _kind(value: Any) -> str:
    names = {type(None): "nothing", list: "a list", str: "text", dict: "a mapping"}
    return names.get(type(value), f"a {type(value).__name__}")
