"""`cnnlab translate`: a sweep file of another tool as a spec."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from services.cli import specfile
from services.cli.commented_spec import commented
from services.cli.connection import connect
from services.cli.errors import CliError
from services.cli.invocation import command_line
from services.cli.parameters import Key, Url
from services.cli.show.output import Output
from services.cli.subcommand import Panel, subcommand
from services.client import ApiError
from services.translation.errors import TranslationError
from services.translation.translate import WANTED
from services.translation.translate import translate as translated


@subcommand(Panel.SWEEPS, "translate sweep.yaml --to spec.yaml")
def translate(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="A sweep of W&B or Katib in YAML, or of NNI in JSON or YAML; - reads standard input.",
        ),
    ],
    to: Annotated[
        Path | None, typer.Option("--to", help="The file to write; default: standard output.")
    ] = None,
    url: Url = None,
    key: Key = None,
) -> None:
    """Translate a sweep of W&B, Katib or NNI into a spec; comments name what has no counterpart.

    Where an API answers, it plans the spec without submitting it; a refusal stands at the top as a comment.
    """
    document = specfile.document(file, dict, WANTED, templates=True)

    def beside(name: str) -> Mapping[str, Any]:
        """Read a file that this one names, from its folder."""
        found: Mapping[str, Any] = specfile.document(file.parent / name, dict, WANTED, templates=True).value
        return found

    try:
        draft = translated(document.value, "" if str(file) == "-" else file.stem, beside)
    except TranslationError as error:
        raise CliError(f"{document.name}: {error}", 2) from None
    text = commented(draft, document.name, _faults(draft.spec(), url, key))
    if to is None:
        sys.stdout.write(text)
        return
    try:
        with to.open("x", encoding="utf-8") as new:
            new.write(text)
    except FileExistsError:
        raise CliError(f"{to} exists already: name a new file, or delete it first", 2) from None
    except OSError as error:
        raise CliError(f"{to} cannot be written: {error.strerror or error}", 2) from None
    Output(False).message(f"Wrote {to}. See what it would be: {command_line(f'submit {to} --dry-run')}")


def _faults(spec: Mapping[str, Any], url: str | None, key: str | None) -> list[str]:
    """Why the API would refuse a spec; empty where it would not, or where no API answers."""
    try:
        with connect(url, key) as client:
            client.submit(spec, dry_run=True)
    except ApiError as error:
        return [f"{fault['pointer']}: {fault['detail']}" for fault in error.problem.get("errors", ())]
    except CliError:
        return []
    return []
