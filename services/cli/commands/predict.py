"""`cnnlab predict`: what a trial's model sees in images."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from services import escaping
from services.cli.connection import connect
from services.cli.errors import CliError
from services.cli.parameters import AnyId, Json, Key, Url
from services.cli.show.output import Output
from services.cli.subcommand import Panel, subcommand
from services.cli.trained_model import best_trial_of
from services.client import ApiError, Client, View

SHOWN = 3  # classes of an image


@subcommand(Panel.RESULTS, "predict 3f81c09a2e-0007 shoe.png")
def predict(
    identity: AnyId,
    images: Annotated[list[Path], typer.Argument(metavar="IMAGE…", help="PNG, JPEG, BMP or WebP files.")],
    url: Url = None,
    key: Key = None,
    as_json: Json = False,
) -> None:
    """Say what is in images, by a trial's model or that of a sweep's best trial."""
    contents = {path: _read(path) for path in images}
    with connect(url, key) as client:
        trial = best_trial_of(client, identity)["id"]
        found = [
            {"image": str(path), **_ask(client, trial, path, content)} for path, content in contents.items()
        ]
    Output(as_json).result({"trial": trial, "images": found}, _table(found))


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise CliError(f"{path} cannot be read: {error.strerror or error}", 2) from None


def _ask(client: Client, trial: str, path: Path, content: bytes) -> View:
    """What the model sees; a refusal of the image names the file."""
    if not content:
        raise CliError(f"{path} is empty: it has 0 bytes")
    try:
        return client.predict(trial, content)
    except ApiError as error:
        if error.status in (413, 422):
            raise CliError(f"{path}: {error}") from None
        raise


def _table(found: list[View]) -> Table:
    """A line for each image, with its best classes."""
    table = Table(box=None, pad_edge=False)
    regression = any(each["value"] is not None for each in found)
    for column in ["image", *(["value"] if regression else ["class", "then"])]:
        table.add_column(column)
    for each in found:
        shown = [f"{each['value']:.6g}"] if regression else _classes(each["classes"])
        table.add_row(*map(escaping.terminal, (each["image"], *shown)))
    return table


def _classes(classes: list[View]) -> list[str]:
    first, *others = map(_one, classes[:SHOWN])
    return [first, ", ".join(others)]


def _one(found: View) -> str:
    """`sneaker 97.3 %`; where the loss makes no probabilities, `sneaker (score 2.31)`."""
    name = found["name"] or f"class {found['index']}"
    share = found["probability"]
    return f"{name} (score {found['score']:.3g})" if share is None else f"{name} {100 * share:.1f} %"
