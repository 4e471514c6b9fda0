"""`cnnlab get`: take a model out of the service."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Annotated

import typer

from services.cli.connection import connect
from services.cli.errors import CliError
from services.cli.parameters import AnyId, Json, Key, Url
from services.cli.show.output import Output
from services.cli.subcommand import Panel, subcommand
from services.cli.trained_model import best_trial_of

ONNX = "model.onnx"


@subcommand(Panel.RESULTS, "get 3f81c09a2e --to winner")
def get(
    identity: AnyId,
    to: Annotated[Path, typer.Option("--to", help="The folder to write, which is made if it is not there.")],
    url: Url = None,
    key: Key = None,
    as_json: Json = False,
) -> None:
    """Take a trial's model out, of a sweep its best trial's: plain torch code, weights, ONNX and a card."""
    _check_free(to)
    content = io.BytesIO()
    with connect(url, key) as client:
        trial = best_trial_of(client, identity)
        client.model(trial["id"], content)
    names = _unpack(content, to)
    lines = [f"Wrote {', '.join(names)} of trial {trial['id']} to {to}."]
    if ONNX not in names:
        lines.append(f"{ONNX} is left out; {to / 'card.md'} says why, under Use.")
    Output(as_json).result({"trial": trial["id"], "folder": str(to), "files": names}, *lines)


def _check_free(to: Path) -> None:
    """Refuse a folder with other files in it, before anything is asked for."""
    if to.exists() and not to.is_dir():
        raise CliError(f"{to} is a file: --to names a folder", 2)
    if to.is_dir() and (there := sorted(path.name for path in to.iterdir())):
        more = f" and {len(there) - 1} more" if len(there) > 1 else ""
        raise CliError(f"{to} must be empty or not there yet, but it has {there[0]}{more}", 2)


def _unpack(content: io.BytesIO, to: Path) -> list[str]:
    """Write the files of the answer; returns their names."""
    try:
        with zipfile.ZipFile(content) as archive:
            names = archive.namelist()
            if any(Path(name).name != name for name in names):
                raise CliError("the API's answer has files outside of its folder, which are not written")
            to.mkdir(parents=True, exist_ok=True)
            archive.extractall(to)
    except OSError as error:
        raise CliError(f"{to} cannot be written: {error.strerror or error}") from None
    return names
