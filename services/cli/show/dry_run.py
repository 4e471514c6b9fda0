"""What a sweep would be: its counts, its shapes, and the memory and time it would take."""

from __future__ import annotations

from collections.abc import Sequence

from services.cli.show.fitted_table import FittedTable
from services.cli.show.formats import duration, many, size
from services.cli.show.tables import table
from services.client import View


def dry_run_report(sweep: View) -> tuple[str, FittedTable, str]:
    """How many trials in how many packs; a line for each shape; memory and time."""
    seeds = f" × {many(sweep['seeds'], 'seed')}" if sweep["seeds"] > 1 else ""
    seeds += f" × {sweep['folds']} folds" if sweep["folds"] > 1 else ""
    repeated = (
        f"; {many(sweep['duplicates'], 'trial')} with the same values as another"
        if sweep["duplicates"]
        else ""
    )
    reused = _reused(sweep["reused"])
    epochs, whole = sweep["epochs"], sweep["epochs_without_stop"]
    stopped = f"; early stopping leaves about {epochs:,} of {whole:,} epochs" if epochs < whole else ""
    chosen = ", chosen by results while the sweep goes on" if sweep["by_results"] else ""
    counts = (
        f"{many(sweep['trials'], 'trial')} ({many(sweep['points'], 'point')}{seeds}) "
        f"in {many(sweep['packs'], 'pack')}{chosen}{repeated}{stopped}{reused}. Nothing was submitted."
    )
    alone = dict.fromkeys(shape["row_by_row"] for shape in sweep["shapes"] if shape["row_by_row"])
    counts += "".join(f" Trials of an array train one after the other: {reason}." for reason in alone)
    time = "" if sweep["seconds"] is None else f"about {duration(sweep['seconds'])}, "
    needs = f"Memory: {size(sweep['memory_bytes'])} for the widest pack. Time: {time}{sweep['seconds_from']}"
    needs += "".join(f"\nData: {note}." for note in sweep["data_notes"])
    return counts, _shapes(sweep["shapes"]), needs


def _reused(reused: View) -> str:
    """What other sweeps of the project have trained already."""
    parts = []
    if reused["trials"]:
        parts.append(f"{many(reused['trials'], 'trial')} taken from earlier sweeps")
    if reused["begun"]:
        parts.append(f"{many(reused['begun'], 'trial')} continued from shorter ones")
    return f"; {' and '.join(parts)}, which saves {many(reused['epochs'], 'epoch')}" if parts else ""


def _shapes(shapes: Sequence[View]) -> FittedTable:
    names = [cell["name"] for cell in shapes[0]["cells"]] if shapes else []
    sizes = ("parameters", "FLOPs/image", "bytes/row", "width", "trials", "packs", "epochs")
    shown = table("shape", *names, *sizes, spare=(-6, -5, -1, -7, 0))
    for shape in shapes:
        shown.add_row(
            shape["key"][:8],
            *(cell["text"] or "" for cell in shape["cells"]),
            f"{shape['parameters']:,}",
            f"{shape['flops']:,}",
            size(shape["bytes_per_row"]),
            str(shape["width"]),
            str(shape["trials"]),
            str(shape["packs"]),
            str(shape["epochs"]),
        )
    return shown
