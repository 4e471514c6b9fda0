"""What the control plane adds to a wide pack: from its forming to the commit of its last epoch, step by step.

    python -m benchmarks.wide_packs [WIDTH [PACKS]]

Packs of 256 rows (unless WIDTH says otherwise) are formed, leased, and committed for ten epochs of made-up
numbers, as dispatch, a supervisor and its commits do it, in this process and without training: five packs on
SQLite and five on a PostgreSQL of its own, which is that of the tests and forgoes durability. The table has
medians: by the clock, in processor time of this process and of PostgreSQL, and in statements.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
from pydantic import SecretStr
from sqlalchemy import event

sys.path.append(str(Path(__file__).parents[1] / "tests"))

from paper_catalog import paper_plan, paper_spec
from servers import postgres

from benchmarks.control.cpu import CpuMeter, tree
from migrations.apply import upgrade
from services.dispatch import fill
from services.domain.plan.plan import Plan
from services.domain.spec.spec import Spec
from services.host import HostDevice
from services.settings import Settings
from services.store import leases, sweeps
from services.store.leases import Lease
from services.store.session import Store
from workers.claim import Claim
from workers.commits import PackCommits
from workers.heartbeat import Heartbeat
from workers.main_process import MainProcess
from workers.messages import Engine, EpochDone, FinalResult, Run, decode, encode
from workers.run_message import read_leased_pack

WIDTH, PACKS, EPOCHS = 256, 5, 10
MEASURED = ("train/loss", "train/acc", "train/error", "val/loss", "val/acc", "val/error", "lr")
ENGINE = Engine("called", "none", "float32", "together")
DEVICE = HostDevice("host", "cpu:0", "cpu", "slot 0")
FORM, LEASE, EPOCH, LAST = "form the pack", "lease and read it", "commit an epoch", "commit the last epoch"
STEPS = (FORM, LEASE, EPOCH, LAST)


@dataclass(frozen=True)
class Cost:
    """What a step took; seconds."""

    clock: float
    own: float
    server: float
    statements: int


@dataclass
class Stopwatch:
    """Measures steps on one database; `server` are the ids of its processes' parents."""

    store: Store
    server: tuple[int, ...]
    costs: dict[str, list[Cost]] = field(default_factory=lambda: defaultdict(list))
    _statements: int = 0

    def __post_init__(self) -> None:
        @event.listens_for(self.store.engine, "before_cursor_execute")
        def count(*_: Any) -> None:
            self._statements += 1

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Measure what is done within."""
        meter = CpuMeter({"server": self._processes})
        own, statements, began = time.process_time(), self._statements, time.perf_counter()
        yield
        clock, spent = time.perf_counter() - began, time.process_time() - own
        self.costs[name].append(Cost(clock, spent, meter.seconds()["server"], self._statements - statements))

    def _processes(self) -> list[psutil.Process]:
        return [process for pid in self.server for process in tree(pid)]


def planned(width: int, packs: int) -> tuple[Spec, Plan]:
    """A sweep on paper of so many packs of one width."""
    rates = [(number + 1) / 10_000 for number in range(width)]
    dropouts = [number / 100 for number in range(packs)]
    spec = paper_spec(
        space={"model.dropout": dropouts, "train.optimizer.lr": rates},
        train={"epochs": EPOCHS},
        max_trials=width * packs,
    )
    plan = paper_plan(spec, limit=width * packs)
    shapes = [shape.model_copy(update={"width": width}) for shape in plan.shapes]  # as on a GPU
    return spec, plan.model_copy(update={"shapes": shapes})


def reported(run: Run, number: int) -> str:
    """The line with which a runner reports an epoch of a pack; every number is another one."""
    metrics = {
        row.row: {name: 1 / (2 + row.row + place + number) for place, name in enumerate(MEASURED)}
        for row in run.rows
    }
    last = number == run.target_epoch
    files = {row.row: FinalResult(f"packs/{run.pack}/best-{row.trial}.safetensors", {}) for row in run.rows}
    best = {row: (number, found[run.metric]) for row, found in metrics.items()}
    done = EpochDone(run.pack, number, metrics, best, (), None, files if last else {}, 5, 4, 1.0, ENGINE)
    return encode(done)


def run_pack(watch: Stopwatch, settings: Settings, sweep_id: str) -> None:
    """Form, lease and commit one pack."""
    store = watch.store
    with watch.step(FORM):
        pack = store.write(lambda session: fill(session, sweep_id))
        assert pack is not None
    lease = Lease.new(pack.id)
    with watch.step(LEASE):
        taken = store.write(lambda session: leases.take(session, lease, "worker", DEVICE.id, 60.0))
        assert taken is not None
        run = store.read(lambda session: read_leased_pack(session, taken, DEVICE, settings)).run
        encode(run)
    claim = Claim("worker", DEVICE, "token")
    heartbeat = Heartbeat(store, settings, claim, MainProcess(), lambda: None, lambda: None)
    heartbeat.keep(lease)
    commits = PackCommits(store, lease, heartbeat, settings.lease_ttl, run, "shape")
    for number in range(1, EPOCHS + 1):
        line = reported(run, number)
        with watch.step(LAST if number == EPOCHS else EPOCH):
            done = decode(line)
            assert isinstance(done, EpochDone)
            commits.epoch(done)
    heartbeat.release()


def measure(url: str, server: tuple[int, ...], width: int, packs: int) -> dict[str, list[Cost]]:
    """Measure some packs on a database that has the tables; one before them pays for what is made once."""
    store = Store(url)
    watch = Stopwatch(store, server)
    settings = Settings(database_url=url, redis_url=SecretStr("redis://unused"), files=Path("unused"))
    spec, plan = planned(width, packs + 1)
    sweep_id = store.write(lambda session: sweeps.insert(session, spec, plan))
    for number in range(packs + 1):
        run_pack(watch, settings, sweep_id)
        if number == 0:
            watch.costs.clear()
    store.close()
    return watch.costs


def table(found: dict[str, dict[str, list[Cost]]], width: int) -> Iterator[str]:
    """Yield the lines of the table."""
    yield "| database | step | n | ms: median, most | CPU ms a row: here, server | statements |"
    yield "|---|---|---|---|---|---|"
    for database, costs in found.items():
        for name in STEPS:
            each = costs[name]
            clock = [1e3 * cost.clock for cost in each]
            own, server = (
                1e3 * statistics.fmean(values) / width
                for values in ([cost.own for cost in each], [cost.server for cost in each])
            )
            statements = statistics.median(cost.statements for cost in each)
            spread = f"{statistics.median(clock):.0f}, {max(clock):.0f}"
            line = f"| {database} | {name} | {len(each)} | {spread} | {own:.3f}, {server:.3f}"
            yield f"{line} | {statements:g} |"


def main() -> None:
    """Measure and print."""
    words = [int(word) for word in sys.argv[1:]]
    width, packs = (*words, *(WIDTH, PACKS)[len(words) :])
    sys.stdout.write(f"packs of {width}, load before: {os.getloadavg()[0]:.1f}\n\n")
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/state.db"
        upgrade(url)
        found = {"SQLite": measure(url, (), width, packs)}
    database = postgres.start()
    try:
        url = database.url(database.create())
        found["PostgreSQL"] = measure(url, (database.server.pid,), width, packs)
    finally:
        database.server.stop()
    for text in table(found, width):
        sys.stdout.write(f"{text}\n")


if __name__ == "__main__":
    main()
