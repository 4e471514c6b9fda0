"""Where a trial comes from, on one page: from the request to the checkpoint and the MLflow run."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from services.cli.show.fitted_table import FittedTable
from services.cli.show.formats import many, number, state, when
from services.cli.show.lineage import forked_from, forks, reused_words
from services.cli.show.tables import table
from services.client import View


def trace_page(trial: View, sweep: View, again: str) -> dict[str, Any]:
    """A trial's origin, training and results, in the order of events; `again` is the command to repeat it."""
    shape, best = trial["shape"], trial["best"]
    batches = "its own batches" if shape["mixed"] else "the same batches as its neighbours"
    return {
        "request": f"sweep {sweep['id']}, {sweep['name']} in project {sweep['project']}",
        "submitted": when(sweep["created_at"]),
        "point": f"{trial['point']} of 0 to {sweep['points'] - 1}",
        "values": trial["label"],
        "replicate": f"{trial['replicate']} of 0 to {sweep['seeds'] * sweep['folds'] - 1}",
        "fold": None if trial["fold"] is None else f"{trial['fold']} of 0 to {sweep['folds'] - 1}",
        "forked from": forked_from(trial),
        "forks": forks(trial),
        "number": f"{trial['number']} of 0 to {sweep['trials']['total'] - 1}",
        "seed": trial["seed"],
        "shape": f"{shape['key']}, {shape['parameters']:,} parameters",
        "row": "none yet" if trial["row"] is None else f"{trial['row']} of {shape['width']}, with {batches}",
        "plug-ins": trial["plugins"],
        "state": state(trial["state"]),
        "stopped": stopped(trial),
        "failure": trial["failure"] and trial["failure"].get("message"),
        "epoch": f"{trial['epoch']} of {trial['target_epoch']}",
        "created": when(trial["created_at"]),
        "started": trial["started_at"] and when(trial["started_at"]),
        "finished": trial["finished_at"] and when(trial["finished_at"]),
        "reused": reused_words(trial),
        "best": best and f"{sweep['objective']['metric']} {number(best['value'])} in epoch {best['epoch']}",
        "machine": _machine(trial["attempts"]),
        "engine": _engine(trial["attempts"]),
        "checkpoint": _checkpoint(trial["checkpoint"]),
        "weights": trial["best_file"],
        "mlflow": trial["links"]["mlflow"] or "no run yet",
        "config": json.dumps(trial["config"], ensure_ascii=False),
        "reproduce": again,
    }


def trace_attempts(attempts: Sequence[View]) -> FittedTable:
    """One line for each attempt: its pack, row, device, worker, engine, times and outcome."""
    shown = table(
        *("attempt", "pack", "row", "device", "worker", "precision", "steps", "from epoch"),
        *("started", "ended", "state", "outcome"),
    )
    for turn, attempt in enumerate(attempts, 1):
        engine = attempt["engine"] or {"precision": "", "steps": ""}
        shown.add_row(
            str(turn),
            attempt["pack"],
            f"{attempt['row']} of {attempt['width']}",
            attempt["device"] or "",
            attempt["worker"] or "",
            engine["precision"],
            engine["steps"],
            str(attempt["start_epoch"]),
            when(attempt["began_at"]) if attempt["began_at"] else "",
            when(attempt["ended_at"]) if attempt["ended_at"] else "",
            state(attempt["state"]),
            attempt["outcome"] or "",
        )
    return shown


def trace_rungs(rungs: Sequence[View]) -> FittedTable:
    """One line for each rung: by which value its point was judged, and whether it went on."""
    shown = table("rung", "decided", "rule", "value", "place", "went on", "trial")
    outcomes = {True: "goes on", False: "is pruned", None: "came later"}
    for rung in rungs:
        shown.add_row(
            f"epoch {rung['epoch']}",
            when(rung["at"]),
            rung["rule"],
            number(rung["value"]),
            "" if rung["place"] is None else f"{rung['place']} of {rung['points']}",
            str(rung["kept"]),
            outcomes[rung["went_on"]],
        )
    return shown


def stopped(trial: View) -> str | None:
    """Why early stopping has ended a trial; None if it has not."""
    if trial["stopped"] is None:
        return None
    return f"by {trial['stopped']['rule']} after epoch {trial['epoch']}: {trial['stopped']['reason']}"


def _machine(attempts: Sequence[View]) -> str:
    """The machine of the latest attempt that ran: float32 bits depend on it, besides width and row."""
    for attempt in reversed(attempts):
        if machine := attempt["machine"]:
            threads, kernels = many(machine["threads"], "thread"), machine.get("kernels", "torch")
            compiled = "no compiled kernels" if kernels == "torch" else kernels
            ways = sorted({*(machine.get("ways") or {}).values()})
            convolved = f", convolutions {' and '.join(ways)}" if ways else ""
            return f"{machine['kind']}, torch {machine['torch']}, {threads}, {compiled}{convolved}"
    return "none yet"


def _engine(attempts: Sequence[View]) -> str:
    """How the steps of the latest attempt that trained an epoch were carried out."""
    for attempt in reversed(attempts):
        if engine := attempt["engine"]:
            how = "recorded and repeated" if engine["steps"] == "recorded" else "called layer by layer"
            why = f", because {engine['reason']}" if engine["reason"] else ""
            by = "torch alone" if engine["kernels"] == "torch" else engine["kernels"]
            held, computed = (f"{each['memory'] / 2**30:.1f} GiB" for each in (engine, attempt))
            memory = f", {held} of memory held, {computed} computed" if engine["memory"] else ""
            what = f"{engine['precision']} on {attempt['kind']}, rows {engine['rows']}"
            return f"{what}, steps {how}{why}, by {by}{memory}"
    return "no epoch yet"


def _checkpoint(saved: View | None) -> str:
    if saved is None:
        return "none: not saved yet, or no longer needed"
    damaged = ", damaged" if saved["damaged"] else ""
    return f"epoch {saved['epoch']} in {saved['path']} (SHA-256 {saved['sha256'][:12]}…{damaged})"
