"""`cnnlab catalog`: what a spec can name."""

from __future__ import annotations

from typing import Annotated

import typer

from services.cli.connection import connect
from services.cli.errors import CliError
from services.cli.invocation import command_line
from services.cli.parameters import Json, Key, Url
from services.cli.show.catalog_tables import entries_table, hypers_table, kinds_table
from services.cli.show.output import Output
from services.cli.subcommand import Panel, subcommand
from services.domain.errors import nearest


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
    with connect(url, key) as client:
        if kind is not None and name is not None:
            entry = client.entry(kind, name)
            hypers = [hypers_table(entry)] if entry["hypers"] else []
            output.result(entry, entry["doc"], *hypers)
            return
        kinds = client.catalog()
    if kind is None:
        output.result(kinds, kinds_table(kinds), f"Show one kind: {command_line('catalog KIND')}")
    elif kind in kinds:
        hint = f"Show one entry: {command_line(f'catalog {kind} NAME')}"
        output.result(kinds[kind], entries_table(kinds[kind]), hint)
    else:
        raise CliError(f"no kind {kind!r}.{nearest(kind, kinds)} The kinds are {', '.join(kinds)}")
