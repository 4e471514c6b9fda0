"""`cnnlab fork`: go on from a trial's weights with other values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import typer
import yaml

from services.cli.connection import connect
from services.cli.errors import CliError
from services.cli.invocation import command_line
from services.cli.parameters import Json, Key, TrialId, Url
from services.cli.show.output import Output
from services.cli.specfile import SpecLoader
from services.cli.subcommand import Panel, subcommand
from services.client import ApiError
from services.domain.errors import parts_of


@subcommand(Panel.RESULTS, "fork 3f81c09a2e-0007 --set train.optimizer.lr=0.01")
def fork(
    trial: TrialId,
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="PATH=VALUE", help="A new value, as YAML; may be given several times."),
    ] = None,
    url: Url = None,
    key: Key = None,
    as_json: Json = False,
) -> None:
    """Go on from a trial's weights and its optimizer's state, in a sweep of its own, with other values."""
    output = Output(as_json)
    values = parse_changes(changes or [])
    with connect(url, key) as client:
        try:
            sweep = client.fork(trial, values)
        except ApiError as error:
            raise _refused(error) from None
    output.result(
        sweep,
        f"Forked {trial} as sweep {sweep['id']}.",
        f"Watch it with: {command_line('watch ' + sweep['id'])}",
    )


def parse_changes(given: Sequence[str]) -> dict[str, Any]:
    """Read `PATH=VALUE` texts, the values as YAML; `CliError` with code 2 for one that is not like that."""
    found: dict[str, Any] = {}
    for text in given:
        path, equals, value = text.partition("=")
        path = path.strip()
        if not equals or not path:
            raise CliError(f"--set takes PATH=VALUE such as train.optimizer.lr=0.01, got {text!r}", 2)
        if path in found:
            raise CliError(f"--set {path} is given twice", 2)
        try:
            # SpecLoader is a SafeLoader: it builds plain data only.
            found[path] = yaml.load(value, SpecLoader)  # noqa: S506
        except yaml.YAMLError as error:
            problem = getattr(error, "problem", None) or "it cannot be read"
            raise CliError(f"--set {path}: {value!r} is not valid YAML: {problem}", 2) from None
    return found


def _refused(error: ApiError) -> CliError:
    """The API's refusal, each fault behind the option that it is about."""
    faults = [fault for fault in error.problem.get("errors", ()) if fault["pointer"].startswith("/set/")]
    if not faults:
        return CliError(str(error))
    return CliError(
        "\n".join(f"--set {parts_of(fault['pointer'])[1]}: {fault['detail']}" for fault in faults)
    )
