"""`cnnlab demo`: the whole service started, shown on an example, and stopped."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path

import httpx2
import typer

from services.cli import specfile
from services.cli.example import EXAMPLE
from services.cli.invocation import command_line
from services.cli.parameters import Json, Workers
from services.cli.show import leaderboard
from services.cli.show.formats import many
from services.cli.show.mlflow_links import mlflow_links
from services.cli.show.output import Output
from services.cli.show.progress import cost, follow
from services.cli.show.whole_sweep import MAX_FINAL_POINTS
from services.cli.subcommand import Panel, subcommand
from services.client import Client, View
from services.domain.states import SWEEP_FINAL
from services.stack import ports
from services.stack.stack import READY_TIMEOUT, Stack

VIEW_SECONDS = 0.4  # between two requests for the sweep
MLFLOW_TIMEOUT = 20.0  # seconds that the last runs may take to arrive in MLflow


@subcommand(Panel.SERVICE, "demo")
def demo(workers: Workers = None, as_json: Json = False) -> None:
    """Start the service on free ports, run the example sweep, show its leaderboard, and stop."""
    output = Output(as_json)
    began = time.monotonic()
    spec = {**specfile.read(EXAMPLE).spec, "reuse": False}  # it shows training, the second time too
    with Stack(Path.cwd(), (ports.free(), ports.free()), workers, output.message) as stack:
        stack.take_folder()
        workforce = f"{many(stack.devices.workers, 'worker')} on {stack.devices.names}"
        output.message(f"Starting the queue, MLflow, the API, upkeep and {workforce}.")
        stack.start()
        if not stack.wait_until_ready():
            raise typer.Exit(1)
        output.message(f"Ready after {time.monotonic() - began:.1f} s: {stack.api}")
        with Client(stack.api, stack.key) as client:
            views = _views(stack, client, client.submit(spec)["id"])
            last = deque(views, maxlen=1).pop() if as_json else follow(views, output)
            seconds = time.monotonic() - began
            if last["state"] not in SWEEP_FINAL:
                output.message(f"Stopping before the sweep has ended; `{command_line('up')}` continues it.")
                raise typer.Exit(1)
            output.message(f"Trained after {seconds:.1f} s; waiting until MLflow has every run.")
            complete = _await_mlflow(stack, client, last["id"])
            last, board = client.sweep(last["id"]), client.leaderboard(last["id"], MAX_FINAL_POINTS)
        output.result(
            {
                "sweep": last,
                "leaderboard": board["points"],
                "mlflow": last["links"]["mlflow"],
                "seconds": round(seconds, 1),
            },
            leaderboard.leaderboard(last, board["points"]),
            *leaderboard.comparison(board),
            *filter(None, [cost(last)]),
            *filter(None, [mlflow_links(last)]),
            *next_steps(last["links"]["mlflow"], complete),
        )
    output.message(f"Done in {time.monotonic() - began:.1f} s; everything is stopped.")
    raise typer.Exit(0 if last["state"] == "succeeded" else 1)


def next_steps(link: str | None, complete: bool) -> Iterator[str]:
    """What the user can do when the demo is over; `complete` if MLflow has every run."""
    up = command_line("up")
    if link is None:
        yield f"MLflow did not start in time; `{up}` starts the service again and writes the runs to it."
        return
    if not complete:
        yield "MLflow has not received every run yet."
    yield f"The demo stops its servers now. `{up}` starts them again with all this data, on other ports;"
    yield f"then `{command_line('ls')}` lists the sweep, and `{command_line('show ID')}` prints its link."


def _views(stack: Stack, client: Client, sweep_id: str) -> Iterator[View]:
    """Views of a sweep until it ends or the user interrupts; meanwhile the stack is kept alive."""
    last_answer = time.monotonic()
    while True:
        stack.keep_alive()
        try:
            view = client.sweep(sweep_id)
        except httpx2.TransportError:  # an API that has exited is being restarted
            if time.monotonic() - last_answer > READY_TIMEOUT:
                raise
        else:
            last_answer = time.monotonic()
            yield view
            if view["state"] in SWEEP_FINAL or stack.interrupt.requested:
                return
        time.sleep(VIEW_SECONDS)


def _await_mlflow(stack: Stack, client: Client, sweep_id: str) -> bool:
    """Wait until every trial has its run in MLflow, up to `MLFLOW_TIMEOUT`; returns whether all have."""
    end = time.monotonic() + MLFLOW_TIMEOUT
    while time.monotonic() < end and not stack.interrupt.requested:
        stack.keep_alive()
        trials = client.trials(sweep_id)
        if all(trial["links"]["mlflow"] for trial in trials) and client.sweep(sweep_id)["links"]["mlflow"]:
            return True
        time.sleep(VIEW_SECONDS)
    return False
