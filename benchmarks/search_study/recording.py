"""Record a space: have the service train all of it, and read the curves of the objective over HTTP."""

from __future__ import annotations

import io
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.rivals.machine import machine
from benchmarks.search_study.recorded_curves import FOLDER, HERE, SPACES, Curve, RecordedCurves
from benchmarks.search_study.running_service import running_service
from services.cli import specfile
from services.client import Client

DIGITS = 4  # of a value: one of 1,500 images is 0.0007


def record(names: list[str]) -> None:
    """Train these spaces through a service of their own, one after the other, and write their curves."""
    with tempfile.TemporaryDirectory() as folder, running_service(Path(folder)) as service:
        for name in names:
            sys.stdout.write(f"{name}: {SPACES[name]} …\n")
            ended = service.train(specfile.read(HERE / f"{name}.yaml").spec)
            take(service.client, ended.sweep["id"], name)


def take(client: Client, sweep_id: str, name: str, folder: Path = FOLDER) -> RecordedCurves:
    """Write the curves of a sweep that has ended; `SystemExit` if it has not succeeded."""
    sweep = client.sweep(sweep_id)
    if sweep["state"] != "succeeded":
        raise SystemExit(f"sweep {sweep_id} must have succeeded to be recorded, it is {sweep['state']}")
    found = RecordedCurves(
        name=name,
        machine=machine(),
        date=sweep["finished_at"].partition("T")[0],
        spec=specfile.read(HERE / f"{name}.yaml").spec,
        objective={part: sweep["objective"][part] for part in ("metric", "goal", "at")},
        points=points(client, sweep_id),
        curves=curves(client, sweep_id, sweep["objective"]["metric"]),
    )
    lengths = {len(curve) for seeds in found.curves for curve in seeds}
    if lengths != {found.epochs} or {len(seeds) for seeds in found.curves} != {found.seeds}:
        raise SystemExit(f"every trial of {sweep_id} must have all epochs, there are curves of {lengths}")
    found.write(folder / f"{name}.json")
    sys.stdout.write(f"{folder / name}.json: {len(found.points)} points, {found.seeds} seeds\n")
    return found


def points(client: Client, sweep_id: str) -> list[dict[str, Any]]:
    """The values of each point, in the order of the points."""
    found = {trial["point"]: trial["values"] for trial in client.trials(sweep_id)}
    return [found[point] for point in sorted(found)]


def curves(client: Client, sweep_id: str, metric: str) -> list[list[Curve]]:
    """A metric of each point, seed and epoch, rounded."""
    file = io.BytesIO()
    client.export(sweep_id, "curves", "json", file)
    found: dict[int, dict[int, dict[int, float]]] = {}
    for row in json.loads(file.getvalue()):
        seeds = found.setdefault(row["point"], {})
        seeds.setdefault(row["replicate"], {})[row["epoch"]] = round(row[metric], DIGITS)
    return [
        [[epochs[epoch] for epoch in sorted(epochs)] for _, epochs in sorted(found[point].items())]
        for point in sorted(found)
    ]
