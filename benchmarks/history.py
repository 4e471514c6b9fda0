"""What the service's own statements cost when much has happened: on PostgreSQL, with tables filled in bulk.

    python -m benchmarks.history [SCALE]

It starts a PostgreSQL and a Redis of its own on loopback, fills the tables, measures, and prints a Markdown
table of medians beside the bounds. SCALE (1 unless given) multiplies the number of sweeps and trials.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from fastapi.testclient import TestClient
from pydantic import SecretStr
from sqlalchemy import select, text

sys.path.append(str(Path(__file__).parents[1] / "tests"))

from servers import postgres, redis

from benchmarks.tables.past_sweeps import DAY, HERE, PastSweeps, add_devices, add_waiting, template
from services.api.app import make_app
from services.dispatch import announce, dispatch, fill
from services.queue import Publisher, make_publisher_app, queue_of
from services.settings import Settings
from services.store import checkpoints, events, mirror, sweep_verbs, sweeps
from services.store.models import Checkpoint
from services.store.session import Store
from services.upkeep.rescue import Rescue
from services.upkeep.settle import settle

KEY = "a key of twenty chars"
MAX_SECONDS = 20.0  # for one line of the table: of what is slow there are fewer measurements


@dataclass(frozen=True)
class Sizes:
    """How much has happened."""

    active: tuple[int, ...]  # sweeps at the first, second and last measurement of the list
    ended: int
    trials: int  # of each ended sweep
    waiting: int  # trials of one more sweep

    @classmethod
    def scaled(cls, scale: float) -> Sizes:
        """The sizes of docs/records.md times a scale."""
        active = tuple(max(4, int(scale * number)) for number in (200, 500, 2000))
        return cls(active, max(4, int(scale * 2000)), 100, max(100, int(scale * 10_000)))


@dataclass(frozen=True)
class Line:
    """One line of the table; times in seconds."""

    what: str
    bound: str
    measured: str


@dataclass(frozen=True)
class Bench:
    """The service on a PostgreSQL and a Redis of its own."""

    settings: Settings
    store: Store
    publisher: Publisher
    sizes: Sizes


# ---- what is measured


def median(
    name: str, bound: str, work: Callable[[], object], n: int, before: Callable[[], object] = int
) -> Line:
    """A line: the median time of `work`, each time after `before`, which is not measured."""
    times: list[float] = []
    while len(times) < n and sum(times) < MAX_SECONDS:
        before()
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    ends = f", {shown(min(times))} to {shown(max(times))}" if len(times) > 1 else ""
    return Line(name, bound, f"{shown(statistics.median(times))}{ends} (n = {len(times)})")


def shown(seconds: float) -> str:
    """A time with three digits or fewer."""
    return f"{seconds:.2f} s" if seconds >= 1 else f"{seconds * 1e3:.3g} ms"


def list_of_sweeps(bench: Bench, active: int) -> Line:
    """The page of 200 sweeps, from the request to its JSON."""
    with TestClient(
        make_app(bench.settings), base_url="http://127.0.0.1", headers={"Authorization": f"Bearer {KEY}"}
    ) as client:

        def get() -> None:
            assert client.get("/v1/sweeps?limit=200").status_code == 200

        get()
        return median(f"`GET /v1/sweeps?limit=200`, {active:,} active sweeps", "< 100 ms", get, 7)


def of_mlflow(bench: Bench) -> Line:
    """What upkeep's mirror asks every second."""
    behind = partial(mirror.behind, addresses=HERE)
    left = bench.store.read(behind)
    assert len(left) < 10, f"all of the copies are in MLflow, but {len(left)} are behind"
    name = f"what is behind in MLflow, {bench.sizes.ended:,} ended sweeps"
    return median(name, "< 5 ms", lambda: bench.store.read(behind), 20)


def of_events(bench: Bench) -> Iterator[Line]:
    """Forgetting events: while there are old ones of ended sweeps, and when these are gone."""
    forget = partial(events.forget, seconds=7 * 24 * 3600)

    def left() -> int:
        old = "SELECT count(*) FROM events e JOIN sweeps s ON s.id = e.sweep_id WHERE s.finished_at < :old"
        query = text(f"{old} AND e.at < :old")
        return bench.store.read(lambda s: s.execute(query, {"old": bench.store.now() - 7 * DAY}).scalar_one())

    name = f"forgetting events of ended sweeps, {left():,} can go"
    yield median(name, "< 20 ms", lambda: bench.store.write(forget), 50 if left() > 10_000 else 5)
    while bench.store.write(forget) is not None:
        pass
    yield median("the same when none can go", "< 20 ms", lambda: bench.store.write(forget), 20)


def of_checkpoints(bench: Bench) -> Iterator[Line]:
    """Finding the checkpoint files that can go, and forgetting one."""
    ended = select(Checkpoint.id).where(Checkpoint.pack_id.like("succeeded-%")).limit(20)
    files = iter(bench.store.read(lambda session: session.scalars(ended).all()))
    name = f"which of the next {checkpoints.MAX_FILES} checkpoint files can go"
    yield median(name, "< 50 ms", lambda: bench.store.read(checkpoints.needless), 10)

    def forget() -> None:
        assert bench.store.write(partial(checkpoints.forget, checkpoint_id=next(files)))

    yield median("forgetting a checkpoint file", "index", forget, 20)


def of_waiting(bench: Bench, sweep_id: str) -> Iterator[Line]:
    """Packs of a sweep of which thousands of trials wait; then all of them cancelled and retried."""
    many, write = f"{bench.sizes.waiting:,}", bench.store.write

    def form() -> None:
        assert write(partial(fill, sweep_id=sweep_id))

    yield median(f"forming one pack, {many} pending trials", "< 20 ms", form, 10)

    def end() -> None:
        write(partial(sweep_verbs.cancel, sweep_id=sweep_id))
        write(partial(sweeps.settle, sweep_id=sweep_id))

    def retry() -> None:
        write(partial(sweep_verbs.retry, sweep_id=sweep_id))

    yield median(f"cancel of {many} trials", "< 1 s", end, 1)
    yield median(f"retry of {many} trials", "< 1 s", retry, 3, before=lambda: end())
    yield median(f"cancel of {many} trials, again", "< 1 s", end, 3, before=lambda: (end(), retry()))


def of_chores(bench: Bench) -> Iterator[Line]:
    """A round of chores in which nothing is left to do; messages about a pack that nobody takes."""
    rescue = Rescue(bench.store, bench.settings)

    def chores() -> None:
        rescue.round()
        settle(bench.store)
        dispatch(bench.store, bench.publisher, bench.settings)

    chores()
    yield median(f"a round of chores, {bench.sizes.active[-1]:,} active sweeps", "< 0.5 s", chores, 5)
    queued = "SELECT count(*) FROM packs WHERE state = 'queued'"
    packs = bench.store.read(lambda session: session.execute(text(queued)).scalar_one())
    for _ in range(5):
        announce(bench.store, bench.publisher, 0.0, idle=False)
    most = messages(bench) / packs
    yield Line("messages for one queued pack after five resends", "1", f"{most:.1f} ({packs} packs)")


def messages(bench: Bench) -> int:
    """How many messages the queue of CPUs holds."""
    with make_publisher_app(bench.settings).connection_for_read() as connection:
        return int(connection.default_channel.client.llen(queue_of("cpu")))


# ---- the table


def run(bench: Bench) -> Iterator[Line]:
    """Fill the tables and measure, line after line."""
    like, sizes = template(bench.store), bench.sizes
    past(bench.store, like, "succeeded", range(sizes.ended), sizes.trials)
    waiting = add_waiting(bench.store, sizes.waiting)
    done = 0
    for active in sizes.active:
        past(bench.store, like, "active", range(done, active), 20)
        done = active
        analyze(bench.store)
        yield list_of_sweeps(bench, active)
    add_devices(bench.store)
    yield of_mlflow(bench)
    yield from of_events(bench)
    yield from of_checkpoints(bench)
    yield from of_waiting(bench, waiting)
    yield from of_chores(bench)


def past(store: Store, like: str, state: str, numbers: range, drawn: int) -> None:
    """Fill in some sweeps."""
    store.write(PastSweeps(like, state, numbers, drawn, store.now()).write)


def analyze(store: Store) -> None:
    """Have PostgreSQL look at its tables, as its autovacuum does."""
    with store.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))


def table(lines: Iterable[Line], out: Callable[[str], object]) -> None:
    """Write the lines as Markdown, each as soon as it is measured."""
    out("| what | bound | measured |\n|---|---|---|\n")
    for line in lines:
        out(f"| {line.what} | {line.bound} | {line.measured} |\n")


@contextmanager
def on_servers() -> Iterator[tuple[Settings, Store]]:
    """Start PostgreSQL and Redis for a measurement."""
    database, queue = postgres.start(), redis.start()
    try:
        with tempfile.TemporaryDirectory() as folder:
            settings = Settings(
                database_url=database.url(database.create()),
                redis_url=SecretStr(queue.url),
                files=Path(folder),
                api_key=SecretStr(KEY),
            )
            store = Store(settings.database_url)
            yield settings, store
            store.close()
    finally:
        database.server.stop()
        queue.server.stop()


def main() -> None:
    """Start the servers, fill, measure, print."""
    scale = float(sys.argv[1]) if len(sys.argv) > 1 else 1.0
    with on_servers() as (settings, store):
        bench = Bench(settings, store, Publisher(settings), Sizes.scaled(scale))
        table(run(bench), sys.stdout.write)


if __name__ == "__main__":
    main()
