"""A sweep's file: strict YAML, read and written; every error is reported with its line."""

from __future__ import annotations

import math
import re
import shlex
import sys
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from services import escaping
from services.cli import example
from services.cli.errors import CliError
from services.cli.invocation import command_line
from services.client import ApiError
from services.domain.errors import parts_of

TEMPLATE = re.compile(r"\{\{.*?\}\}|\$\{.*?\}")
STDIN = "standard input"
FREE_TEXT = "description"  # the field that may contain anything
MAX_NODES = 200_000  # of a document whose aliases are written out
PLAIN_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]*)")
PLAIN_FLOAT = re.compile(
    r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)"
)


class SpecLoader(yaml.SafeLoader):
    """YAML that reads 1e-3 as a number, and refuses what is rarely meant.

    That is a key given twice, and numbers that YAML 1.1 reads in another base or with underscores: 010 is 8
    and 1:30 is 90.
    """

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """Build a mapping from its node."""
        seen: set[str] = set()
        for key, _ in node.value:
            fault = "a key must be text" if not isinstance(key, yaml.ScalarNode) else None
            if fault is None and key.value in seen:
                fault = f"{key.value!r} is given twice"
            if fault:
                raise yaml.constructor.ConstructorError(None, None, fault, key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)

    def construct_plain_int(self, node: yaml.ScalarNode) -> int:
        """Build an integer in decimal digits; refuse every other form."""
        return int(self._plain(node, PLAIN_INTEGER, super().construct_yaml_int))

    def construct_plain_float(self, node: yaml.ScalarNode) -> float:
        """Build a number in decimal digits; refuse every other form."""
        return float(self._plain(node, PLAIN_FLOAT, super().construct_yaml_float))

    def _plain(self, node: yaml.ScalarNode, form: re.Pattern[str], read: Callable[[Any], Any]) -> Any:
        value = read(node)
        if not form.fullmatch(node.value):
            fault = f"YAML reads {node.value} as the number {value}; write {value}, or put it in quotes"
            raise yaml.constructor.ConstructorError(None, None, fault, node.start_mark)
        return value


SpecLoader.add_constructor("tag:yaml.org,2002:int", SpecLoader.construct_plain_int)
SpecLoader.add_constructor("tag:yaml.org,2002:float", SpecLoader.construct_plain_float)
EXPONENT_NUMBERS = ("tag:yaml.org,2002:float", re.compile(r"^[-+]?\d+[eE][-+]?\d+$"), list("-+0123456789"))
SpecLoader.add_implicit_resolver(*EXPONENT_NUMBERS)


@dataclass(frozen=True)
class Document:
    """What a YAML file holds, and where its parts stand in the file."""

    name: str
    value: Any
    root: yaml.Node | None

    def line_of(self, parts: Sequence[str]) -> int:
        """The line, from 1, of the part below these keys and indices, or of the part above it."""
        node, line = self.root, 0
        for part in parts:
            below = _below(node, part)
            if below is None:
                break
            line, node = below
        return line + 1


@dataclass(frozen=True)
class SpecFile:
    """A spec from a file."""

    document: Document

    @property
    def spec(self) -> dict[str, Any]:
        """The spec as it is written."""
        return dict(self.document.value)

    def refused(self, error: ApiError) -> CliError:
        """The API's refusal as an error of the file: each fault with its line, or that of the part above."""
        faults = [fault for fault in error.problem.get("errors", ()) if fault["pointer"].startswith("/")]
        if not faults:
            return CliError(str(error))
        return CliError(
            "\n".join(
                f"{self.document.name}, line {self.document.line_of(parts_of(fault['pointer']))}: "
                f"{fault['pointer']}: {fault['detail']}"
                for fault in faults
            )
        )


def read(path: Path) -> SpecFile:
    """Read a spec from a file, or from standard input for `-`; `CliError` with code 2 if it is not valid."""
    return SpecFile(document(path, dict, "a mapping with name, model and space"))


def document(
    path: Path, kind: type[dict[Any, Any]] | type[list[Any]], expected: str, *, templates: bool = False
) -> Document:
    """Read a file, or standard input for `-`, that holds a mapping or a list.

    `CliError` with code 2 if it does not; `expected` says what would be right. With `templates` values may be
    templates such as ${lr}, which are refused otherwise.
    """
    name = STDIN if str(path) == "-" else str(path)
    try:
        text = sys.stdin.read() if str(path) == "-" else path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise CliError(
            f"no file {path}: give a YAML or JSON file, e.g. {example.shown()}, or - for stdin",
            2,
        ) from None
    except OSError as error:
        raise CliError(f"{name} cannot be read: {error.strerror or error}", 2) from None
    except UnicodeDecodeError as error:
        raise CliError(f"{name} is not UTF-8 text: {error.reason} at byte {error.start}", 2) from None
    if text.lstrip().startswith(("{", "[")):
        text = text.replace("\t", " ")  # JSON may be indented with tabs, YAML may not
    try:
        root = yaml.compose(text, SpecLoader)
        if root is not None and _expanded(root, {}) > MAX_NODES:
            raise CliError(f"{name} has more than {MAX_NODES} values with its aliases written out", 2)
        # SpecLoader is a SafeLoader: it builds plain data only.
        value = yaml.load(text, SpecLoader)  # noqa: S506
        if not isinstance(value, kind):
            raise CliError(f"{name} must be {expected}, got {_kind(value)}", 2)
        if not templates:
            _check_templates(name, root)
        _check(name, value, "")
        return Document(name, value, root)
    except yaml.YAMLError as error:
        if not templates and (template := TEMPLATE.search(text)):
            line = text.count("\n", 0, template.start()) + 1
            raise CliError(_unfilled(name, line, template[0]), 2) from None
        raise CliError(f"{name} is not valid YAML: {_where(error)}", 2) from None
    except RecursionError:
        raise CliError(f"{name} is nested too deeply", 2) from None


def _check_templates(name: str, root: yaml.Node | None) -> None:
    """Refuse ${lr} and {{ lr }}, which other tools replace by a value before they read a file."""
    if isinstance(root, yaml.MappingNode):
        left = [value for key, value in root.value if key.value != FREE_TEXT]
    else:
        left = [root] if root else []
    seen: set[int] = set()
    while left:
        node = left.pop(0)
        if id(node) in seen:
            continue
        seen.add(id(node))
        if not isinstance(node, yaml.ScalarNode):
            left += [part for item in node.value for part in (item if isinstance(item, tuple) else (item,))]
        elif template := TEMPLATE.search(node.value):
            raise CliError(_unfilled(name, node.start_mark.line + 1, template[0]), 2)


def _unfilled(name: str, line: int, template: str) -> str:
    """The refusal of a template, and what would fill it in."""
    shell = template.startswith("$") and name != STDIN
    fill = f"envsubst < {shlex.quote(name)} | {command_line('submit -')}"
    how = f", for example with: {fill}" if shell else ""
    return (
        f"{name}, line {line}: the template {template} is not filled in; submit reads values as they stand: "
        f"write the value, or have the template replaced first{how}"
    )


def _expanded(node: yaml.Node, known: dict[int, int]) -> int:
    """Count the nodes below and including one, each alias as often as it is used."""
    if id(node) not in known:
        known[id(node)] = 1  # an alias inside its own anchor; building it is refused later
        parts = [part for item in node.value for part in (item if isinstance(item, tuple) else (item,))]
        below = [] if isinstance(node, yaml.ScalarNode) else parts
        known[id(node)] = 1 + sum(_expanded(part, known) for part in below)
    return known[id(node)]


class SpecDumper(yaml.SafeDumper):
    """YAML that `SpecLoader` reads back unchanged."""


SpecDumper.add_implicit_resolver(*EXPONENT_NUMBERS)


def written(spec: Mapping[str, Any]) -> str:
    """A spec as YAML, its fields in the order given."""
    text = _dumped(spec, allow_unicode=True)
    return text if escaping.is_plain(text) else _dumped(spec, allow_unicode=False)


def _dumped(spec: Mapping[str, Any], *, allow_unicode: bool) -> str:
    return str(yaml.dump(dict(spec), Dumper=SpecDumper, sort_keys=False, allow_unicode=allow_unicode))


def _below(node: yaml.Node | None, part: str) -> tuple[int, yaml.Node] | None:
    """The part of a node with this key or index, and the line where it begins."""
    if isinstance(node, yaml.MappingNode):
        return next(((key.start_mark.line, value) for key, value in node.value if key.value == part), None)
    if isinstance(node, yaml.SequenceNode) and part.isdigit() and int(part) < len(node.value):
        item = node.value[int(part)]
        return item.start_mark.line, item
    return None


def _where(error: yaml.YAMLError) -> str:
    if isinstance(error, yaml.reader.ReaderError):
        return f"it contains the character U+{error.character:04X}, which no text file has"
    mark = getattr(error, "problem_mark", None)
    parts = (getattr(error, "context", None), getattr(error, "problem", None))
    problem = ", ".join(filter(None, parts)) or str(error)
    return f"line {mark.line + 1}, column {mark.column + 1}: {problem}" if mark else problem


def _check(path: str, value: Any, place: str) -> None:
    """Refuse what JSON has no form for, by its place: NaN, infinities, dates, keys that are not text."""
    match value:
        case dict():
            inside = f"in {place}" if place else "at the top"
            for key, inner in value.items():
                if not isinstance(key, str):
                    raise CliError(
                        f"{path}: the key {key!r} {inside} must be text: put it in quotes",
                        2,
                    )
                _check(path, inner, f"{place}.{key}" if place else key)
        case list():
            for index, inner in enumerate(value):
                _check(path, inner, f"{place}[{index}]")
        case float() if not math.isfinite(value):
            raise CliError(f"{path}: {place} must be a finite number, got {value}", 2)
        case str() | bool() | int() | float() | None:
            pass
        case _:
            raise CliError(
                f"{path}: {place} must be a number, text, a list or a mapping, got {_kind(value)}: quote it",
                2,
            )


def _kind(value: Any) -> str:
    names = {
        type(None): "nothing", list: "a list", str: "text", dict: "a mapping", bool: "a boolean",
        int: "a number", float: "a number", bytes: "binary data",
    }  # fmt: skip
    return names.get(type(value), f"a {type(value).__name__}")
