"""Reading a sweep's file: YAML with its traps closed, and every fault told with its line."""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from services.cli.errors import Failure
from services.client import ApiError


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


NUMBERS = ("tag:yaml.org,2002:float", re.compile(r"^[-+]?\d+[eE][-+]?\d+$"), list("-+0123456789"))
Loader.add_implicit_resolver(*NUMBERS)


@dataclass(frozen=True)
class SpecFile:
    """A spec as a file holds it, and the places of its parts in the file."""

    name: str
    spec: dict[str, Any]
    root: yaml.Node | None

    def refused(self, error: ApiError) -> Failure:
        """What the API says of the spec, each fault with its line, or that of the nearest part above it."""
        faults = [fault for fault in error.problem.get("errors", ()) if fault["pointer"].startswith("/")]
        if not faults:
            return Failure(str(error))
        return Failure(
            "\n".join(
                f"{self.name}, line {self._line(fault['pointer'])}: {fault['pointer']}: {fault['detail']}"
                for fault in faults
            )
        )

    def _line(self, pointer: str) -> int:
        node, line = self.root, 0
        for part in pointer.split("/")[1:]:
            wanted = part.replace("~1", "/").replace("~0", "~")
            found = _below(node, wanted)
            if found is None:
                break
            line, node = found
        return line + 1


def read(path: Path) -> SpecFile:
    """The spec in a file, or in the standard input for `-`; `Failure` with code 2 says where it is wrong."""
    name = "the standard input" if str(path) == "-" else str(path)
    try:
        text = sys.stdin.read() if str(path) == "-" else path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise Failure(
            f"no file {path}: give a YAML or JSON file, e.g. examples/dropout-grid.yaml, or - for stdin", 2
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise Failure(f"{name} cannot be read: {error}", 2) from None
    try:
        # Loader is a SafeLoader: it builds plain data only.
        spec = yaml.load(text, Loader)  # noqa: S506
        if not isinstance(spec, dict):
            raise Failure(f"{name} must hold a mapping with name, model and space, got {_kind(spec)}", 2)
        _check(name, spec, "")
        return SpecFile(name, spec, yaml.compose(text, Loader))
    except yaml.YAMLError as error:
        raise Failure(f"{name} is not YAML: {_where(error)}", 2) from None
    except RecursionError:
        raise Failure(f"{name} is nested too deeply", 2) from None


class Dumper(yaml.SafeDumper):
    """YAML that `Loader` reads back as it was."""


Dumper.add_implicit_resolver(*NUMBERS)


def written(spec: Mapping[str, Any]) -> str:
    """A spec as YAML, its fields in their order."""
    return yaml.dump(dict(spec), Dumper=Dumper, sort_keys=False, allow_unicode=True)


def _below(node: yaml.Node | None, part: str) -> tuple[int, yaml.Node] | None:
    """The part of a node with this key or index, and the line it begins in."""
    if isinstance(node, yaml.MappingNode):
        return next(((key.start_mark.line, value) for key, value in node.value if key.value == part), None)
    if isinstance(node, yaml.SequenceNode) and part.isdigit() and int(part) < len(node.value):
        found = node.value[int(part)]
        return found.start_mark.line, found
    return None


def _where(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or str(error)
    return f"line {mark.line + 1}, column {mark.column + 1}: {problem}" if mark else problem


def _check(path: str, value: Any, place: str) -> None:
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
