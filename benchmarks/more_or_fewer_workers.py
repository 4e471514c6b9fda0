"""Run the demo's sweep, with three seeds, on one, two and three workers, and on two of which one is stopped.

    python -m benchmarks.more_or_fewer_workers

Each run has a stack in a folder of its own, and each of its workers trains. In the last one a worker gets
SIGTERM once every worker has committed an epoch, and stays away: it gives its pack back, and the other one
goes on with it. Curves and widths are read from SQL; of each run the table says which curves are those of one
worker, bit for bit in float32, which widths its trials have recorded, and how many of them were trained by
two workers.
"""

from __future__ import annotations

import json
import signal
import sqlite3
import sys
import tempfile
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import psutil

from services.cli import specfile
from services.cli.example import EXAMPLE
from services.client import Client
from services.domain.states import SWEEP_FINAL
from services.stack import ports
from services.stack.stack import Stack

POLL_SECONDS = 0.1
MAX_SECONDS = 300.0
SEEDS = 3  # 54 trials, enough packs for each worker
Curves = dict[int, dict[int, dict[str, float]]]  # trial → epoch → metrics, speeds aside


@dataclass(frozen=True)
class Trained:
    """What a run has left in SQL, by trial."""

    curves: Curves
    widths: dict[int, int]  # as recorded of each trial
    rows: dict[int, int]
    workers: dict[int, set[str]]  # that have committed epochs of each trial

    @property
    def moved(self) -> list[int]:
        """Trials that several workers have trained, one after the other."""
        return sorted(number for number, workers in self.workers.items() if len(workers) > 1)


def train(workers: int, stop_one: bool = False) -> Trained:
    """Run the sweep on so many workers; with `stop_one` one of them is stopped in the middle."""
    sys.stdout.write(f"{workers} worker{'s' * (workers > 1)}{', one stopped' * stop_one} …\n")
    with tempfile.TemporaryDirectory() as folder:
        with Stack(Path(folder), (ports.free(), ports.free()), workers, sys.stderr.write) as stack:
            stack.take_folder()
            stack.start()
            stack.wait_until_ready()
            database = stack.folder.root / "state.db"
            with Client(stack.api, stack.key) as client:
                wait_for_claims(client, workers)
                spec = specfile.read(EXAMPLE).spec | {"seeds": SEEDS}
                sweep_id = client.submit(spec)["id"]
                if stop_one:
                    wait_for_epochs(database, workers)
                    worker_processes()[0].send_signal(signal.SIGTERM)
                wait_for_end(client, sweep_id)
        trained = read(database)
    used = len(set().union(*trained.workers.values()))
    if used != workers:
        raise SystemExit(f"each of {workers} workers must have trained, {used} have")
    return trained


def wait_for_claims(client: Client, workers: int) -> None:
    """Wait until every worker has claimed a device."""
    end = time.monotonic() + MAX_SECONDS
    while sum(device["alive"] for device in client.workers()["devices"]) < workers:
        if time.monotonic() > end:
            raise SystemExit("not every worker has claimed a device")
        time.sleep(POLL_SECONDS)


def wait_for_epochs(database: Path, workers: int) -> None:
    """Wait until so many workers have committed an epoch."""
    end = time.monotonic() + MAX_SECONDS
    query = "SELECT count(DISTINCT p.worker) FROM reports r JOIN packs p ON p.id = r.pack_id"
    with closing(sqlite3.connect(database)) as connection:
        while connection.execute(query).fetchone()[0] < workers:
            if time.monotonic() > end:
                raise SystemExit("not every worker has committed an epoch")
            time.sleep(POLL_SECONDS / 10)


def wait_for_end(client: Client, sweep_id: str) -> None:
    """Wait until the sweep has succeeded."""
    end = time.monotonic() + MAX_SECONDS
    while (sweep := client.sweep(sweep_id))["state"] not in SWEEP_FINAL and time.monotonic() < end:
        time.sleep(POLL_SECONDS)
    if sweep["state"] != "succeeded":
        raise SystemExit(f"the sweep is {sweep['state']}: {sweep['trials']}")


def worker_processes() -> list[psutil.Process]:
    """The main processes of this process's workers."""
    return [child for child in psutil.Process().children() if "workers" in child.cmdline()]


def read(database: Path) -> Trained:
    """Read every trial's metrics, width, row and workers."""
    curves: Curves = {}
    workers: dict[int, set[str]] = {}
    with closing(sqlite3.connect(database)) as connection:
        places = connection.execute("SELECT number, width, row FROM trials").fetchall()
        for number, epoch, metrics, worker in connection.execute(
            "SELECT t.number, r.epoch, r.metrics, p.worker FROM reports r "
            "JOIN trials t ON t.id = r.trial_id JOIN packs p ON p.id = r.pack_id"
        ):
            kept = {name: v for name, v in json.loads(metrics).items() if not name.startswith("perf/")}
            curves.setdefault(number, {})[epoch] = kept
            workers.setdefault(number, set()).add(worker)
    widths = {number: width for number, width, _ in places}
    return Trained(curves, widths, {number: row for number, _, row in places}, workers)


def compared(way: str, own: Trained, usual: Trained) -> list[str]:
    """Return the line of a run in the table, and one for each curve that is another one."""
    a, b = usual.curves, own.curves
    equal = [number for number in a if a[number] == b.get(number)]
    used = len(set().union(*own.workers.values()))
    widths = ", ".join(map(str, sorted(set(own.widths.values()))))
    lines = [f"| {way} | {used} | {len(equal)} of {len(a)} | {widths} | {len(own.moved)} |"]
    for number in sorted(set(a) - set(equal)):
        pairs = [(a[number][e], b[number][e]) for e in a[number] if e in b.get(number, {})]
        worst = max((abs(x[name] - y[name]) for x, y in pairs for name in x), default=0.0)
        here, there = ((each.widths[number], each.rows[number]) for each in (usual, own))
        lines.append(f"  trial {number} differs by up to {worst:.2g}; width, row {here} and {there}")
    return lines


def main() -> None:
    """Train, compare and print."""
    usual = train(1)
    runs = {"one": usual, "two": train(2), "three": train(3), "two, then one": train(2, stop_one=True)}
    sys.stdout.write("\n| workers | trained | curves bit-equal to one worker's | widths | trials of two |\n")
    sys.stdout.write("|---|---|---|---|---|\n")
    for way, own in runs.items():
        sys.stdout.write("".join(f"{line}\n" for line in compared(way, own, usual)))


if __name__ == "__main__":
    main()
