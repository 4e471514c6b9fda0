"""`cnnlab up`: the whole service in this folder, until Ctrl-C."""

from __future__ import annotations

import shlex
import time
from pathlib import Path
from typing import Annotated

import typer

from services.cli import example
from services.cli.errors import CliError
from services.cli.invocation import command_line
from services.cli.parameters import Json, Workers
from services.cli.show.output import Output
from services.cli.subcommand import Panel, subcommand
from services.stack import ports
from services.stack.stack import POLL_SECONDS, Stack


@subcommand(Panel.SERVICE, "up --workers 2")
def up(
    port: Annotated[
        int, typer.Option("--port", envvar="CNNLAB_PORT", min=1, max=65535, help="The API's port.")
    ] = ports.DEFAULT_API_PORT,
    mlflow_port: Annotated[
        int,
        typer.Option("--mlflow-port", envvar="CNNLAB_MLFLOW_PORT", min=1, max=65535, help="MLflow's port."),
    ] = ports.DEFAULT_MLFLOW_PORT,
    workers: Workers = None,
    as_json: Json = False,
) -> None:
    """Start the service in this folder and keep it running until Ctrl-C."""
    output = Output(as_json)
    if port == mlflow_port:
        raise CliError(
            f"port {port} is given to both the API and MLflow: choose another one for one of them, "
            "with --port or --mlflow-port (CNNLAB_PORT, CNNLAB_MLFLOW_PORT)",
            2,
        )
    with Stack(Path.cwd(), (port, mlflow_port), workers, output.message) as stack:
        stack.take_folder()
        ports.require(port, "the API", "--port", "CNNLAB_PORT")
        ports.require(mlflow_port, "MLflow", "--mlflow-port", "CNNLAB_MLFLOW_PORT")
        stack.start()
        if stack.wait_until_ready():
            _print_addresses(stack, output)
        while not stack.interrupt.requested:
            stack.keep_alive()
            time.sleep(POLL_SECONDS)
        output.message("Stopping; press Ctrl-C again to stop at once.")


def page_address(api: str, key: str | None) -> str:
    """The first page's address; with the key only on the screen of its owner, never in a log."""
    return f"{api}/" if key is None else f"{api}/#key={key}"


def _print_addresses(stack: Stack, output: Output) -> None:
    home, devices = stack.folder.root, stack.devices
    data = {"api": stack.api, "mlflow": stack.mlflow, "workers": devices.workers, "folder": str(home)}
    output.result(
        data,
        f"Page     {page_address(stack.api, stack.key if output.console.is_terminal else None)}",
        f"API      {stack.api}  (its key: CNNLAB_API_KEY in {home / 'secrets.env'})",
        f"MLflow   {stack.mlflow}" + ("" if stack.mlflow_answers() else "  (starting)"),
        f"Workers  {devices.workers} on {devices.names}; data and logs in {home}",
        f"Submit   {command_line(f'submit {shlex.quote(example.shown())} --watch')}",
        "Stop     Ctrl-C",
    )
