"""A translated spec as YAML: each comment stands above what it is about, and at the end what is missing."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator
from typing import Any

import yaml

from services import escaping
from services.cli.specfile import SpecDumper
from services.translation.draft import Draft

WIDTH = 100


def commented(draft: Draft, source: str, refused: Iterable[str] = ()) -> str:
    """The spec with its comments; `source` is the name of the translated file.

    `refused` are the faults for which the API would refuse the spec, above everything else.
    """
    title = f"Translated from {source}, a file of {draft.tool}. What neither says has cnnlab's default."
    lines = [*_comment([title])]
    faults = list(refused)
    if faults:
        lines += [*_comment(["cnnlab submit refuses this spec until these are changed:"])]
        lines += [*_comment(faults, hanging="  ")]
    spec = draft.spec()
    for name, value in spec.items():
        lines += _comment(draft.notes.get(name, []))
        if name == "space":
            lines.append("space:")
            for path, axis in value.items():
                lines += _comment(draft.notes.get(path, []), "  ")
                lines.append(f"  {_flow({path: axis})}")
        else:
            lines += _field(name, value)
    missing = {key: texts for key, texts in draft.notes.items() if key not in spec and key not in draft.space}
    lines += [line for texts in missing.values() for line in _comment(texts)]
    if draft.lost:
        lines += ["", "# Without a counterpart:"]
        lines += [line for place, why in draft.lost for line in _comment([f"{place}: {why}"], hanging="  ")]
    return "\n".join(lines) + "\n"


def _field(name: str, value: Any) -> Iterator[str]:
    """A field on one line, or if that is too long, its keys on one line each."""
    text = _flow({name: value})
    if len(text) <= WIDTH or not isinstance(value, dict):
        yield text
        return
    yield f"{name}:"
    yield from (f"  {_flow({key: below})}" for key, below in value.items())


def _flow(entry: dict[str, Any]) -> str:
    """One field on one line: `key: {a: 1, b: [2, 3]}`."""
    text = _dumped(entry, allow_unicode=True)
    plain = text if escaping.is_plain(text) else _dumped(entry, allow_unicode=False)
    return plain.strip()[1:-1]


def _dumped(entry: dict[str, Any], *, allow_unicode: bool) -> str:
    return str(
        yaml.dump(
            entry,
            Dumper=SpecDumper,
            sort_keys=False,
            default_flow_style=True,
            width=float("inf"),
            allow_unicode=allow_unicode,
        )
    )


def _comment(texts: Iterable[str], indent: str = "", hanging: str = "") -> Iterator[str]:
    """Lines of a comment; whatever a text holds, it stays behind its #."""
    for text in texts:
        plain = " ".join(escaping.terminal(text).split())
        yield from textwrap.wrap(
            plain,
            WIDTH,
            initial_indent=f"{indent}# {hanging}",
            subsequent_indent=f"{indent}#   {hanging}",
            break_long_words=False,
            break_on_hyphens=False,
        )
