"""A trial's whole way on one page: from the request to the numbers, and the command that repeats it."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from services.cli.connection import Json, Key, Url, connect
from services.cli.output import Output
from services.cli.tables import facts, many, number, state, table, when
from services.cli.typed import typed
from services.client import View

TrialId = Annotated[
    str, typer.Argument(metavar="TRIAL", help="A trial's id, as show prints it: the sweep's id and a number.")
]


def trace(trial: TrialId, url: Url = None, key: Key = None, as_json: Json = False) -> None:
    """Show where a trial comes from: request, point, seed, shape, packs, devices, checkpoint, MLflow run."""
    with connect(url, key) as client:
        found = client.trial(trial)
        sweep = client.sweep(found["sweep"])
    again = typed(f"reproduce {trial}")
    Output(as_json).result(
        {"trial": found, "sweep": sweep, "reproduce": again},
        facts(page(found, sweep, again)),
        *([_attempts(found["attempts"])] if found["attempts"] else []),
    )


def page(trial: View, sweep: View, again: str) -> dict[str, Any]:
    """A trial's way in the order in which it went."""
    shape, best = trial["shape"], trial["best"]
    batches = "batches of its own" if shape["mixed"] else "the batches of its neighbours"
    return {
        "request": f"sweep {sweep['id']}, {sweep['name']} of project {sweep['project']}",
        "submitted": when(sweep["created_at"]),
        "point": f"{trial['point']} of 0 to {sweep['points'] - 1}",
        "values": trial["label"],
        "replicate": f"{trial['replicate']} of 0 to {sweep['seeds'] - 1}",
        "number": f"{trial['number']} of 0 to {sweep['trials']['total'] - 1}",
        "seed": trial["seed"],
        "shape": f"{shape['key']}, {shape['parameters']:,} parameters",
        "row": f"{trial['row']} of {shape['width']}, with {batches}",
        "plug-ins": trial["plugins"],
        "state": state(trial["state"]),
        "failure": trial["failure"] and trial["failure"].get("message"),
        "epoch": f"{trial['epoch']} of {trial['target_epoch']}",
        "drawn": when(trial["created_at"]),
        "began": trial["started_at"] and when(trial["started_at"]),
        "ended": trial["finished_at"] and when(trial["finished_at"]),
        "best": best and f"{sweep['objective']['metric']} {number(best['value'])} in epoch {best['epoch']}",
        "machine": _machine(trial["attempts"]),
        "checkpoint": _checkpoint(trial["checkpoint"]),
        "weights": trial["best_file"],
        "mlflow": trial["links"]["mlflow"] or "no run yet",
        "config": json.dumps(trial["config"], ensure_ascii=False),
        "repeat it": again,
    }


def _machine(attempts: list[View]) -> str:
    """The machine of the latest attempt that ran: what float32 bits depend on besides width and row."""
    for attempt in reversed(attempts):
        if machine := attempt["machine"]:
            return f"{machine['kind']}, torch {machine['torch']}, {many(machine['threads'], 'thread')}"
    return "none yet"


def _checkpoint(saved: View | None) -> str:
    if saved is None:
        return "none: it has not been saved yet, or is over and needs none"
    damaged = ", damaged" if saved["damaged"] else ""
    return f"epoch {saved['epoch']} in {saved['path']} (SHA-256 {saved['sha256'][:12]}…{damaged})"


def _attempts(attempts: list[View]) -> Table:
    shown = table(
        "attempt", "pack", "row", "device", "worker", "from epoch", "began", "ended", "state", "outcome"
    )
    for turn, attempt in enumerate(attempts, 1):
        shown.add_row(
            str(turn),
            attempt["pack"],
            f"{attempt['row']} of {attempt['width']}",
            escape(attempt["device"] or ""),
            escape(attempt["worker"] or ""),
            str(attempt["start_epoch"]),
            when(attempt["began_at"]) if attempt["began_at"] else "",
            when(attempt["ended_at"]) if attempt["ended_at"] else "",
            state(attempt["state"]),
            escape(attempt["outcome"] or ""),
        )
    return shown
