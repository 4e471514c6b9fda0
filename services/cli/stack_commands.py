"""The commands that start the whole service on this machine: up and demo."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import httpx2
import typer

import services
from services.cli import specfile
from services.cli.connection import Json
from services.cli.errors import Failure
from services.cli.show import leaderboard, tables
from services.cli.show.mlflow_links import mlflow
from services.cli.show.output import Output
from services.cli.show.progress import follow, price
from services.cli.typed import typed
from services.client import Client
from services.domain.states import SWEEP_FINAL
from services.stack import ports
from services.stack.stack import PATIENCE, Stack

Workers = Annotated[
    int | None,
    typer.Option("--workers", min=1, help="Worker processes; without it one per GPU, else one per core."),
]
EXAMPLE = Path(services.__path__[0]).parent / "examples" / "dropout-grid.yaml"
PERIOD = 0.4
BEST = 10  # points of the leaderboard that the demo shows
FOR_MLFLOW = 20.0  # seconds the demo waits for the last runs to arrive in MLflow


def up(
    port: Annotated[
        int, typer.Option("--port", envvar="CNNLAB_PORT", min=1, max=65535, help="The API's port.")
    ] = 8080,
    mlflow_port: Annotated[
        int,
        typer.Option("--mlflow-port", envvar="CNNLAB_MLFLOW_PORT", min=1, max=65535, help="MLflow's port."),
    ] = 5500,
    workers: Workers = None,
    as_json: Json = False,
) -> None:
    """Start the service in this folder and keep it running until Ctrl-C."""
    output = Output(as_json)
    if port == mlflow_port:
        raise Failure(
            f"port {port} is given to both the API and MLflow: choose another one for one of them, "
            "with --port or --mlflow-port (CNNLAB_PORT, CNNLAB_MLFLOW_PORT)",
            2,
        )
    with Stack(Path.cwd(), (port, mlflow_port), workers, output.say) as stack:
        stack.take_folder()
        ports.require(port, "the API", "--port", "CNNLAB_PORT")
        ports.require(mlflow_port, "MLflow", "--mlflow-port", "CNNLAB_MLFLOW_PORT")
        stack.start()
        if stack.wait_until_ready():
            home = stack.folder.root
            output.result(
                {
                    "api": stack.api,
                    "mlflow": stack.mlflow,
                    "workers": stack.devices.workers,
                    "folder": str(home),
                },
                f"Page     {page(stack.api, stack.key if output.console.is_terminal else None)}",
                f"API      {stack.api}  (its key: CNNLAB_API_KEY in {home / 'secrets.env'})",
                f"MLflow   {stack.mlflow}" + ("" if stack.mlflow_answers() else "  (starting)"),
                f"Workers  {stack.devices.workers} on {stack.devices.names}; data and logs in {home}",
                f"Submit   {typed('submit examples/dropout-grid.yaml --watch')}",
                "Stop     Ctrl-C",
            )
        while not stack.interrupt.asked:
            stack.keep_alive()
            time.sleep(0.1)
        output.say("Stopping; Ctrl-C again to stop at once.")


def page(api: str, key: str | None) -> str:
    """The first page's address; its key only for the screen of the one who started it, never for a log."""
    return f"{api}/" if key is None else f"{api}/#key={key}"


def demo(workers: Workers = None, as_json: Json = False) -> None:
    """Start the service on free ports, run the example sweep, show its leaderboard, and stop."""
    output = Output(as_json)
    began = time.monotonic()
    spec = specfile.read(EXAMPLE).spec
    with Stack(Path.cwd(), (ports.free(), ports.free()), workers, output.say) as stack:
        stack.take_folder()
        workforce = f"{tables.many(stack.devices.workers, 'worker')} on {stack.devices.names}"
        output.say(f"Starting the queue, MLflow, the API, upkeep and {workforce}.")
        stack.start()
        if not stack.wait_until_ready():
            raise typer.Exit(1)
        output.say(f"Ready after {time.monotonic() - began:.1f} s: {stack.api}")
        with Client(stack.api, stack.key) as client:
            views = _views(stack, client, client.submit(spec)["id"])
            last = deque(views, maxlen=1).pop() if as_json else follow(views, output)
            seconds = time.monotonic() - began
            if last["state"] not in SWEEP_FINAL:
                output.say(f"Stopping before the sweep is over; the next `{typed('up')}` goes on with it.")
                raise typer.Exit(1)
            output.say(f"Trained after {seconds:.1f} s; waiting for MLflow to have it all.")
            complete = _await_mlflow(stack, client, last["id"])
            last, board = client.sweep(last["id"]), client.leaderboard(last["id"], BEST)
        output.result(
            {
                "sweep": last,
                "leaderboard": board["points"],
                "mlflow": last["links"]["mlflow"],
                "seconds": round(seconds, 1),
            },
            leaderboard.leaderboard(last, board["points"]),
            *leaderboard.verdict(board),
            *filter(None, [price(last)]),
            *filter(None, [mlflow(last)]),
            *_where(last["links"]["mlflow"], complete),
        )
    output.say(f"Done in {time.monotonic() - began:.1f} s, everything stopped.")
    raise typer.Exit(0 if last["state"] == "succeeded" else 1)


def _views(stack: Stack, client: Client, identity: str) -> Iterator[Any]:
    """Views of a sweep until it ends or the user has had enough, while the stack is kept alive."""
    heard = time.monotonic()
    while True:
        stack.keep_alive()
        try:
            view = client.sweep(identity)
        except httpx2.TransportError:  # an API that has ended is being started again
            if time.monotonic() - heard > PATIENCE:
                raise
        else:
            heard = time.monotonic()
            yield view
            if view["state"] in SWEEP_FINAL or stack.interrupt.asked:
                return
        time.sleep(PERIOD)


def _await_mlflow(stack: Stack, client: Client, identity: str) -> bool:
    """Wait until every trial has its run in MLflow, but not for ever; says whether it came so far."""
    end = time.monotonic() + FOR_MLFLOW
    while time.monotonic() < end and not stack.interrupt.asked:
        stack.keep_alive()
        trials = client.trials(identity)
        if all(trial["links"]["mlflow"] for trial in trials) and client.sweep(identity)["links"]["mlflow"]:
            return True
        time.sleep(PERIOD)
    return False


def _where(link: str | None, complete: bool) -> Iterator[str]:
    if link is None:
        yield f"MLflow did not start in time; `{typed('up')}` starts the service again and fills it in."
        return
    if not complete:
        yield "MLflow has not received every run yet."
    again = typed("up")
    yield f"The demo stops its servers now; `{again}` starts them again with all this data, on other ports:"
    yield f"`{typed('ls')}` then lists the sweep, and `{typed('show ID')}` has its link."
