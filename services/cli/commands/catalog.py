"""`cnnlab catalog`: what a spec can name."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from services.cli.connection import connect
from services.cli.errors import CliError
from services.cli.invocation import command_line
from services.cli.parameters import Json, Key, Url
from services.cli.show.catalog_tables import entries_table, hypers_table, kinds_table
from services.cli.show.output import Output
from services.cli.subcommand import Panel, subcommand
from services.client import View
from services.domain.errors import nearest
from services.stack.folder import Folder


@subcommand(Panel.SWEEPS, "catalog optimizers adam")
def catalog(
    kind: Annotated[str | None, typer.Argument(help="A kind of entry, e.g. optimizers.")] = None,
    name: Annotated[str | None, typer.Argument(help="An entry of that kind, e.g. adam.")] = None,
    url: Url = None,
    key: Key = None,
    as_json: Json = False,
) -> None:
    """List what a spec can name: models, data sets, optimizers and so on, with their hyperparameters."""
    output = Output(as_json)
    kinds = _kinds(url, key)
    if kind is not None and name is not None and name in kinds.get(kind, {}):
        entry = {"kind": kind, "name": name, **kinds[kind][name]}
        output.result(entry, entry["doc"], *([hypers_table(entry)] if entry["hypers"] else []))
    elif kind is None:
        output.result(kinds, kinds_table(kinds), f"Show one kind: {command_line('catalog KIND')}")
    elif name is not None and kind in kinds:
        known = ", ".join(kinds[kind])
        raise CliError(f"no {name!r} in {kind}.{nearest(name, kinds[kind])} Known: {known}")
    elif kind in kinds:
        hint = f"Show one entry: {command_line(f'catalog {kind} NAME')}"
        output.result(kinds[kind], entries_table(kinds[kind]), hint)
    else:
        raise CliError(f"no kind {kind!r}.{nearest(kind, kinds)} The kinds are {', '.join(kinds)}")


def _kinds(url: str | None, key: str | None) -> View:
    """Every entry by kind and name: of the API, or without one of the library that is installed here."""
    if url is None and Folder(Path.cwd()).running() is None and find_spec("torch") is not None:
        from services.api.library import Library  # loads torch

        return dict(Library().descriptions)
    with connect(url, key) as client:
        return client.catalog()
