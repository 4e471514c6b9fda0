"""What a spec can name: the catalog's kinds, one kind's entries, or one entry."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from services.cli.connection import Json, Key, Url, connect
from services.cli.errors import Failure
from services.cli.output import Output
from services.cli.tables import View, table
from services.cli.typed import typed
from services.domain.errors import nearest
from services.domain.plan.value_text import value_text


def catalog(
    kind: Annotated[str | None, typer.Argument(help="A kind of entry, e.g. optimizers.")] = None,
    name: Annotated[str | None, typer.Argument(help="An entry of that kind, e.g. adam.")] = None,
    url: Url = None,
    key: Key = None,
    as_json: Json = False,
) -> None:
    """List what a spec can name: models, data sets, optimizers and all else, with hyperparameters."""
    output = Output(as_json)
    with connect(url, key) as client:
        if kind is not None and name is not None:
            entry = client.entry(kind, name)
            output.result(entry, escape(entry["doc"]), *_hypers(entry))
            return
        kinds = client.catalog()
    if kind is None:
        output.result(kinds, _kinds(kinds), f"One kind: {typed('catalog KIND')}")
    elif kind in kinds:
        output.result(kinds[kind], _entries(kinds[kind]), f"One of them: {typed(f'catalog {kind} NAME')}")
    else:
        raise Failure(f"no kind {kind!r}.{nearest(kind, kinds)} Known: {', '.join(kinds)}")


def _kinds(kinds: View) -> Table:
    shown = table("kind", "entries")
    for kind, entries in kinds.items():
        shown.add_row(kind, escape(", ".join(entries)))
    return shown


def _entries(entries: View) -> Table:
    shown = table("name", "what it is")
    for name, entry in entries.items():
        own = " (plug-in)" if entry["plugin"] else ""
        shown.add_row(escape(name), escape(f"{entry['error'] or entry['summary']}{own}"))
    return shown


def _hypers(entry: View) -> list[Table]:
    if not entry["hypers"]:
        return []
    shown = table("hyperparameter", "type", "default", "range", "may differ within a pack")
    for name, hyper in entry["hypers"].items():
        shown.add_row(
            escape(name),
            escape(str(hyper["type"])),
            escape(value_text(hyper["default"])) if hyper.get("default") is not None else "",
            escape(_range(hyper)),
            "yes" if hyper.get("row") else "no",
        )
    return [shown]


def _range(hyper: Any) -> str:
    """`0 to 1, logarithmic`, the options of a choice, the kind of an entry."""
    if "options" in hyper:
        return ", ".join(map(str, hyper["options"]))
    if "kind" in hyper:
        return f"one of {hyper['kind']}"
    if "low" not in hyper:
        return ""
    ends = f"{value_text(hyper['low'])} to {value_text(hyper['high'])}"
    return f"{ends}, logarithmic" if hyper.get("log") else ends
