"""What the control plane costs: sweeps of a net that does nothing, from submit to the last trial's end.

    python -m benchmarks.control_plane [TRIALS [WORKERS]]
    python -m benchmarks.control_plane growth

It starts a PostgreSQL, a Redis, the API, upkeep and WORKERS workers (2 unless given) on loopback, without
MLflow, and submits sweeps over HTTP: packs of one and of eight, with a scripted runner that answers at once,
then with the real one on a linear net and forty images of 2×2 pixels. Beside them, bare Celery runs tasks of
one UPDATE on the same servers. `growth` is what a trial costs in larger and larger sweeps. The PostgreSQL is
that of the tests, which forgoes durability. The tables are Markdown.

On a machine that does other things too, the rate says little; the processor time of a trial says more.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import Request, urlopen

import numpy as np
import psutil
import psycopg
from pydantic import SecretStr

sys.path.append(str(Path(__file__).parents[1] / "tests"))

from servers import postgres, redis
from servers.process import Folder, Server, free_port
from worker_process import environment

from benchmarks.control import bare_celery
from benchmarks.control.cpu import CpuMeter, Seconds, tree
from services.settings import Settings

ROOT = Path(__file__).parents[1]
SCRIPTED, REAL = "scripted", "real"
WORKER = {SCRIPTED: "benchmarks.control.scripted_worker", REAL: "workers"}
MAX_RUN_SECONDS = 600.0
# Bytes for the rows of a pack: room for one row, and for eight of the net below.
ROW_BYTES = 4640
PACK_MEMORY = {1: 1, 8: 8 * ROW_BYTES}
GROWTH = (1_000, 10_000, 100_000)  # trials
KEY = "a key of twenty chars"
AUTHORIZED = {"Authorization": f"Bearer {KEY}"}
SPEC: dict[str, Any] = {
    "name": "nothing",
    "model": {"name": "mlp", "hidden": []},
    "data": {"name": "npz", "path": "nothing.npz", "validation": 0.5},
    "train": {"epochs": 1, "batch_size": 40, "test": "never"},
    "reuse": False,  # the same sweep is submitted several times
}


@dataclass(frozen=True)
class Result:
    """What a run of one sweep, or of bare Celery, took."""

    trials: int
    packs: int
    seconds: float  # from submit to the last trial's end
    cpu: Seconds
    waits: tuple[float, ...] = ()  # of a worker, from the end of a pack to the lease of the next one
    settled: float = 0.0  # from the last trial's end to that of the sweep


# ---- the service


@dataclass(frozen=True)
class Servers:
    """A PostgreSQL and a Redis, that every run uses."""

    postgres: postgres.Postgres
    redis: redis.Redis
    folder: Path


class Service:
    """The API, upkeep and workers on a database of their own."""

    def __init__(self, servers: Servers, runner: str, width: int, workers: int, stack: ExitStack) -> None:
        self._servers = servers
        files = Path(tempfile.mkdtemp(dir=servers.folder))
        port = free_port()
        self.settings = Settings(
            database_url=servers.postgres.url(servers.postgres.create()),
            redis_url=SecretStr(servers.redis.url),
            files=files,
            data=servers.folder,
            api_key=SecretStr(KEY),
            queue_prefix=f"{files.name}:",
            pack_memory=PACK_MEMORY[width],
            devices=",".join(f"cpu:{number}" for number in range(workers)),
            public_url=f"http://127.0.0.1:{port}",
        )
        self.database = self.settings.database_url.replace("+psycopg", "")
        uvicorn = ("uvicorn", "--factory", "services.api.app:from_environment", "--port", str(port))
        self._api = self._start(stack, *uvicorn, "--no-access-log")
        self._upkeep = self._start(stack, "services.upkeep")
        self._workers = [self._start(stack, WORKER[runner]) for _ in range(workers)]
        self._api.wait_until(lambda: self.get("/health") is not None, 60)
        wait_for(lambda: len(self._runners()) == workers, "the runners")
        time.sleep(6 if runner == REAL else 2)  # until torch is loaded

    def _start(self, stack: ExitStack, *module: str) -> Server:
        server = Server([sys.executable, "-m", *module], Folder("control"), env=environment(self.settings))
        stack.callback(server.stop)
        return server

    def get(self, path: str) -> Any:
        """Ask the API; None if it does not answer."""
        request = Request(self.settings.public_url + path, headers=AUTHORIZED)  # noqa: S310 (loopback)
        try:
            with urlopen(request, timeout=60) as answer:  # noqa: S310
                return json.load(answer)
        except (URLError, ConnectionError):
            return None

    def post(self, path: str, body: Any = None) -> Any:
        """Send a request to the API."""
        request = Request(  # noqa: S310 (loopback)
            self.settings.public_url + path,
            data=json.dumps(body).encode() if body is not None else b"",
            headers=AUTHORIZED | {"Content-Type": "application/json"},
        )
        with urlopen(request, timeout=60) as answer:  # noqa: S310
            return json.load(answer)

    def run(self, trials: int) -> Result:
        """Submit a sweep and wait for its end."""
        meter = CpuMeter(self._groups())
        sweep_id = self.post("/v1/sweeps", spec(trials))["id"]
        with psycopg.connect(self.database, autocommit=True) as connection:

            def ended() -> bool:
                query = "SELECT finished_at IS NOT NULL FROM sweeps WHERE id = %s"
                (over,) = connection.execute(query, (sweep_id,)).fetchone() or (False,)
                return bool(over)

            wait_for(ended, "the sweep's end", MAX_RUN_SECONDS, every=0.2)
            cpu = meter.seconds()
            return read_result(connection, sweep_id, cpu)

    def _groups(self) -> dict[str, Callable[[], list[psutil.Process]]]:
        return {
            "API": lambda: tree(self._api.pid),
            "upkeep": lambda: tree(self._upkeep.pid),
            "Celery main": lambda: [psutil.Process(worker.pid) for worker in self._workers],
            "supervisor": self._supervisors,
            "runner": self._runners,
            "PostgreSQL": lambda: tree(self._servers.postgres.server.pid),
            "Redis": lambda: tree(self._servers.redis.server.pid),
        }

    def _supervisors(self) -> list[psutil.Process]:
        return [child for child in self._of_workers() if not is_runner(child)]

    def _runners(self) -> list[psutil.Process]:
        return [child for child in self._of_workers() if is_runner(child)]

    def _of_workers(self) -> list[psutil.Process]:
        mains = [psutil.Process(worker.pid) for worker in self._workers]
        return [child for main in mains for child in main.children(recursive=True)]


def is_runner(process: psutil.Process) -> bool:
    """Whether a process of a worker is a runner, by its module's name."""
    return any(word.endswith("runner") for word in process.cmdline())


def read_result(connection: psycopg.Connection, sweep_id: str, cpu: Seconds) -> Result:
    """Read from SQL what became of a sweep; every trial must have succeeded."""
    sweep = "SELECT created_at, finished_at, total FROM sweeps WHERE id = %s"
    created, finished, total = connection.execute(sweep, (sweep_id,)).fetchone() or (0, 0, 0)
    trials = "SELECT count(*), max(finished_at) FROM trials WHERE sweep_id = %s AND state = 'succeeded'"
    succeeded, last = connection.execute(trials, (sweep_id,)).fetchone() or (0, 0)
    assert succeeded == total, f"{succeeded} of {total} trials have succeeded"
    waits = connection.execute(
        "SELECT leased_at - lag(closed_at) OVER (PARTITION BY worker ORDER BY leased_at) FROM packs "
        "WHERE sweep_id = %s AND state = 'closed'",
        (sweep_id,),
    ).fetchall()
    between = tuple(wait / 1000 for (wait,) in waits if wait is not None)
    return Result(total, len(waits), (last - created) / 1000, cpu, between, (finished - last) / 1000)


def spec(trials: int) -> dict[str, Any]:
    """A sweep of so many points of two axes."""
    dropouts = next(n for n in range(int(trials**0.5), 0, -1) if trials % n == 0)
    rates = trials // dropouts
    return SPEC | {
        "space": {
            "model.input_dropout": [number / 1000 for number in range(dropouts)],
            "train.optimizer.lr": [(number + 1) / 10_000 for number in range(rates)],
        },
        "max_trials": trials,
    }


def wait_for(condition: Callable[[], bool], what: str, seconds: float = 60.0, every: float = 0.1) -> None:
    """Wait until it holds."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise SystemExit(f"{what} did not come within {seconds:g} s")
        time.sleep(every)


# ---- bare Celery


def run_bare(servers: Servers, tasks: int) -> Result:
    """Send so many tasks to bare Celery and wait until each has made its UPDATE."""
    address = servers.postgres.url(servers.postgres.create()).replace("+psycopg", "")
    url = servers.redis.url.removesuffix("/0") + "/1"
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute("CREATE TABLE bare (id int PRIMARY KEY, done int NOT NULL DEFAULT 0)")
        connection.execute("INSERT INTO bare SELECT * FROM generate_series(1, %s)", (tasks,))
        command = [sys.executable, "-m", "benchmarks.control.bare_celery", url, address]
        server = Server(command, Folder("bare"), env={"PYTHONPATH": str(ROOT)})
        try:
            app = bare_celery.make_app(url, address)

            def done(least: int) -> Callable[[], bool]:
                query = "SELECT coalesce(sum(done), 0) FROM bare"
                return lambda: int((connection.execute(query).fetchone() or (0,))[0]) >= least

            app.send_task("update", args=[1])
            wait_for(done(1), "the first task")
            meter = CpuMeter(
                {
                    "sender": lambda: [psutil.Process()],
                    "Celery": lambda: tree(server.pid),
                    "PostgreSQL": lambda: tree(servers.postgres.server.pid),
                    "Redis": lambda: tree(servers.redis.server.pid),
                }
            )
            start = time.perf_counter()
            for number in range(1, tasks + 1):
                app.send_task("update", args=[number])
            wait_for(done(tasks + 1), "the last task", MAX_RUN_SECONDS, every=0.05)
            seconds = time.perf_counter() - start
            return Result(tasks, tasks, seconds, meter.seconds())
        finally:
            server.stop()


# ---- the table


def table(trials: int, workers: int) -> Iterator[str]:
    """Run everything; yields lines of Markdown, each as soon as it is measured."""
    yield "| what | n | packs/s | trials/s | wait between packs: median, mean, p99 | last end to sweep's |"
    yield "|---|---|---|---|---|---|"
    details = []
    with all_servers() as servers:
        bare = run_bare(servers, trials)
        details.append(("bare Celery, one UPDATE a task", bare))
        yield line(*details[-1])
        for runner in (SCRIPTED, REAL):
            for width in (1, 8):
                with ExitStack() as stack:
                    service = Service(servers, runner, width, workers, stack)
                    service.run(8 * workers)  # the first packs pay for imports and measurements
                    result = service.run(trials)
                details.append((f"packs of {width}, {runner} runner", result))
                yield line(*details[-1])
    groups = list(dict.fromkeys(group for _, result in details for group in result.cpu))
    yield ""
    yield f"| processor time, ms a trial | {' | '.join(groups)} | all | packs/s on two cores |"
    yield "|---|" + "---|" * (len(groups) + 2)
    for name, result in details:
        yield cost_line(name, result, groups)


def growth(workers: int = 2) -> Iterator[str]:
    """Run larger and larger sweeps, in packs of eight with the scripted runner; yields lines of Markdown."""
    groups: list[str] = []
    with all_servers() as servers:
        for trials in GROWTH:
            with ExitStack() as stack:
                service = Service(servers, SCRIPTED, 8, workers, stack)
                service.run(8 * workers)
                result = service.run(trials)
            if not groups:
                groups = list(result.cpu)
                yield f"| processor time, ms a trial | {' | '.join(groups)} | all | packs/s on two cores |"
                yield "|---|" + "---|" * (len(groups) + 2)
            yield cost_line(
                f"{trials:,} trials, {result.trials / result.seconds:.0f} per second", result, groups
            )


def line(name: str, result: Result) -> str:
    """The rates of a run, and how long its workers waited."""
    waits = sorted(result.waits)
    between = "" if not waits else " ms, ".join(f"{1e3 * wait:.0f}" for wait in spread(waits)) + " ms"
    rates = f"{result.packs / result.seconds:.0f} | {result.trials / result.seconds:.0f}"
    settled = f"{result.settled:.2f} s" if waits else ""
    return f"| {name} | {result.trials} | {rates} | {between} | {settled} |"


def spread(ordered: list[float]) -> tuple[float, float, float]:
    """Median, mean and 99th percentile."""
    return statistics.median(ordered), statistics.fmean(ordered), ordered[int(len(ordered) * 0.99)]


def cost_line(name: str, result: Result, groups: list[str]) -> str:
    """The processor time of a trial in each group of processes, and what two busy cores could do."""
    costs = [f"{1e3 * result.cpu[g] / result.trials:.2f}" if g in result.cpu else "" for g in groups]
    total = sum(result.cpu.values())
    ends = f"{1e3 * total / result.trials:.2f} | {2 * result.packs / total:.0f}"
    return f"| {name} | {' | '.join(costs)} | {ends} |"


@contextmanager
def all_servers() -> Iterator[Servers]:
    """Start the servers, and write the data set of the net that does nothing."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        labels = np.arange(40) % 2
        images = np.zeros((40, 2, 2), dtype=np.uint8) + (255 * labels[:, None, None]).astype(np.uint8)
        np.savez(folder / "nothing.npz", train_x=images, train_y=labels)
        database, queue = postgres.start(), redis.start()
        stack.callback(queue.server.stop)
        stack.callback(database.server.stop)
        yield Servers(database, queue, folder)


def main() -> None:
    """Measure and print."""
    words = sys.argv[1:]
    trials = int(words[0]) if words and words != ["growth"] else 1000
    workers = int(words[1]) if len(words) > 1 else 2
    sys.stdout.write(f"load before: {os.getloadavg()[0]:.1f}\n")
    for text in growth() if words == ["growth"] else table(trials, workers):
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()
    sys.stdout.write(f"load after: {os.getloadavg()[0]:.1f}\n")


if __name__ == "__main__":
    main()
