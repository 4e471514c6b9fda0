"""Submitting a sweep, or seeing what it would be."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from services.cli import specfile
from services.cli.connection import Json, Key, Url, connect
from services.cli.look_commands import stay
from services.cli.output import Output
from services.cli.progress import duration
from services.cli.tables import View, many, table
from services.cli.typed import typed
from services.client import ApiError


def submit(
    file: Annotated[Path, typer.Argument(help="The sweep, as YAML or JSON; - reads the standard input.")],
    watch: Annotated[bool, typer.Option("--watch", help="Stay and show the progress until the end.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Submit nothing: show trials, packs, sizes and time.")
    ] = False,
    submission: Annotated[
        str | None,
        typer.Option(
            "--idempotency-key",
            help="A name for this submission: the same name and file again give the same sweep.",
        ),
    ] = None,
    url: Url = None,
    key: Key = None,
    as_json: Json = False,
) -> None:
    """Submit a sweep."""
    output = Output(as_json)
    given = specfile.read(file)
    with connect(url, key) as client:
        try:
            answer = client.submit(given.spec, submission, dry_run)
        except ApiError as error:
            raise given.refused(error) from None
        if dry_run:
            output.result(answer, *preview(answer))
            return
        if watch:
            output.say(f"Submitted {answer['name']} as {answer['id']}.")
            raise typer.Exit(stay(client, answer["id"], output))
        output.result(
            answer,
            escape(
                f"Submitted {answer['name']} as {answer['id']}: {many(answer['trials']['total'], 'trial')}."
            ),
            f"Watch it with: {typed('watch ' + answer['id'])}",
        )


def preview(dry: View) -> tuple[str, Table, str]:
    """A dry run: how many trials in how many packs, a line for each shape, memory and time."""
    seeds = f" × {many(dry['seeds'], 'seed')}" if dry["seeds"] > 1 else ""
    twice = (
        f"; {many(dry['duplicates'], 'trial')} of values that others have, too" if dry["duplicates"] else ""
    )
    counts = (
        f"{many(dry['trials'], 'trial')} ({many(dry['points'], 'point')}{seeds}) "
        f"in {many(dry['packs'], 'pack')}{twice}. Nothing was submitted."
    )
    time = "" if dry["seconds"] is None else f"about {duration(dry['seconds'])}, "
    needs = f"Memory: {size(dry['memory_bytes'])} for the widest pack. Time: {time}{dry['seconds_from']}"
    return counts, _shapes(dry["shapes"]), escape(needs)


def _shapes(shapes: list[View]) -> Table:
    names = [cell["name"] for cell in shapes[0]["cells"]] if shapes else []
    sizes = ("parameters", "FLOPs/image", "bytes/row", "width", "trials", "packs", "epochs")
    shown = table("shape", *names, *sizes)
    for shape in shapes:
        shown.add_row(
            shape["key"][:8],
            *(escape(cell["text"] or "") for cell in shape["cells"]),
            f"{shape['parameters']:,}",
            f"{shape['flops']:,}",
            size(shape["bytes_per_row"]),
            str(shape["width"]),
            str(shape["trials"]),
            str(shape["packs"]),
            str(shape["epochs"]),
        )
    return shown


def size(count: int) -> str:
    """Bytes as people say them: `12.3 MiB`."""
    amount = float(count)
    for unit in ("B", "KiB", "MiB"):
        if amount < 1024:
            return f"{amount:.3g} {unit}"
        amount /= 1024
    return f"{amount:.3g} GiB"
