"""What requests about one large sweep cost: submit, every GET of the API, cancel; at several sizes.

    python -m benchmarks.large_sweep [--sqlite] [TRIALS ...]

The API is a process of its own, on a PostgreSQL of its own unless SQLite is asked for, and reached over HTTP.
Three quarters of the sweep's trials have succeeded, ten run, the rest waits; the sizes are 1,000 and 10,000
unless given. A line shows medians: seconds to the first byte and to the last one, the processor time of the
API, and the size of the answer. At the end rounds of the same GETs show its memory.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from itertools import product
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import text

from benchmarks.api_process import Api, running
from benchmarks.history import KEY, MAX_SECONDS, Line, analyze, postgres, redis, shown, table
from benchmarks.tables.past_sweeps import add_devices
from benchmarks.tables.trained_sweep import large_spec, train
from migrations.apply import upgrade
from services.api import cursor
from services.store.session import Store

HEADERS = {"Authorization": f"Bearer {KEY}"}
N = 15  # measurements of each GET
ROUNDS = (1, 5, 20)  # of all GETs, after which the memory is read
# The queries that are measured of a route, besides or instead of none.
QUERIES: Mapping[str, Sequence[str]] = {
    "/v1/sweeps": ("", "?limit=200"),
    "/v1/sweeps/{sweep_id}/trials": (
        "?limit=200",
        "?limit=1000",
        "?limit=200&state=pending",
        "?point=7",
        "?limit=200&after={last_trials}",
    ),
    "/v1/sweeps/{sweep_id}/leaderboard": ("", "?limit=200", "?limit=50&after={last_points}"),
    "/v1/sweeps/{sweep_id}/effects": ("", "?epoch=2"),
    "/v1/sweeps/{sweep_id}/export/trials": ("?format=csv", "?format=json"),
    "/v1/sweeps/{sweep_id}/export/curves": ("?format=csv", "?format=json"),
}
# Routes that are not measured, by what makes them: they cost what one file of one trial costs.
LEFT_OUT: Mapping[str, str] = {
    "/v1/trials/{trial_id}/model": "a process that writes a net",
    "/v1/trials/{trial_id}/figures/confusion.svg": "the best weights",
    "/v1/trials/{trial_id}/figures/first-layer.svg": "the best weights",
}
# What is kept in memory until an epoch changes it.
AFTER_AN_EPOCH = (
    "/v1/sweeps",
    "/v1/sweeps/{sweep_id}",
    "/v1/sweeps/{sweep_id}/leaderboard",
    "/v1/sweeps/{sweep_id}/best",
    "/v1/sweeps/{sweep_id}/effects",
    "/v1/sweeps/{sweep_id}/effects?epoch=2",
    *(
        f"/v1/sweeps/{{sweep_id}}/figures/{name}.svg"
        for name in ("effects", "heat-map", "parallel", "history")
    ),
)
# What an epoch changes of what is kept in memory: see store/standings.py.
EPOCH = "UPDATE packs SET busy_ms = busy_ms + 1 WHERE id = :pack"


@dataclass(frozen=True)
class Bench:
    """A running API and its database."""

    api: Api
    store: Store
    connection: HTTPConnection

    def ask(self, method: str, path: str, body: object = None) -> tuple[float, bytes]:
        """Send a request; returns the seconds to its first byte, and the answer, which must be good."""
        start = time.perf_counter()
        document = None if body is None else json.dumps(body)
        self.connection.request(method, path, document, HEADERS | {"Content-Type": "application/json"})
        answer = self.connection.getresponse()
        first = answer.read(1)
        seconds = time.perf_counter() - start
        if path.endswith("/events"):  # it never ends
            self.connection.close()
            return seconds, first
        content = first + answer.read()
        assert answer.status < 300, content
        return seconds, content


@dataclass(frozen=True)
class Cost:
    """What one request has cost, in seconds, and the bytes of its answer."""

    first: float
    total: float
    cpu: float
    size: int


def measured(
    bench: Bench,
    name: str,
    bound: str,
    work: Callable[[], tuple[float, bytes]],
    n: int,
    before: Callable[[], Any] = int,
) -> Line:
    """A line: the medians over requests, each of them after `before`, which is not measured."""
    bench.connection.close()  # the API closes it when it has rested for some seconds
    costs: list[Cost] = []
    while len(costs) < n and sum(cost.total for cost in costs) < MAX_SECONDS:
        before()
        spent, start = bench.api.cpu_seconds, time.perf_counter()
        first, content = work()
        total = time.perf_counter() - start
        costs.append(Cost(first, total, bench.api.cpu_seconds - spent, len(content)))

    def middle(of: Callable[[Cost], float]) -> float:
        return statistics.median(map(of, costs))

    first, total, cpu = (shown(middle(of)) for of in (lambda c: c.first, lambda c: c.total, lambda c: c.cpu))
    size = f"{middle(lambda cost: cost.size) / 1000:,.0f} kB"
    return Line(name, bound, f"{first}, {total}; {cpu} of CPU; {size} (n = {len(costs)})")


def run(bench: Bench, sizes: list[int]) -> Iterator[Line]:
    """Measure line after line."""
    bench.ask("POST", "/v1/sweeps?dry_run=true", large_spec(200))
    names = list(names_of(json.loads(bench.ask("GET", "/openapi.json")[1])))
    add_devices(bench.store)
    for size in sizes:
        yield from of_size(bench, size, names)


def of_size(bench: Bench, size: int, names: Sequence[str]) -> Iterator[Line]:
    """The lines of one size, of these GETs."""
    submitted: list[str] = []

    def submit() -> tuple[float, bytes]:
        first, content = bench.ask("POST", "/v1/sweeps", large_spec(size))
        submitted.append(json.loads(content)["id"])
        return first, content

    def cancel() -> tuple[float, bytes]:
        return bench.ask("POST", f"/v1/sweeps/{submitted.pop()}/cancel")

    yield measured(bench, f"submit of {size:,} trials", "< 1 s", submit, 5)
    yield measured(bench, f"cancel of {size:,} trials, none drawn but the first", "< 1 s", cancel, 5)
    submit()
    [sweep_id] = submitted
    pack = train(bench.store, sweep_id, size)
    if bench.store.engine.dialect.name == "postgresql":
        analyze(bench.store)
    paths = {name: filled(name, sweep_id, size) for name in names}
    for name, path in paths.items():
        yield measured(
            bench, f"`GET {name}`, {size:,} trials", "< 50 ms", lambda p=path: bench.ask("GET", p), N
        )  # type: ignore[misc]

    def epoch() -> None:
        bench.store.write(lambda session: session.execute(text(EPOCH), {"pack": pack}))

    for name in AFTER_AN_EPOCH:
        after = f"`GET {name}` after an epoch, {size:,} trials"
        yield measured(bench, after, "< 50 ms", lambda p=paths[name]: bench.ask("GET", p), N, epoch)  # type: ignore[misc]
    yield memory(bench, size, list(paths.values()))
    yield measured(bench, f"cancel of {size:,} trials, all drawn", "< 1 s", cancel, 1)


def names_of(description: Mapping[str, Any]) -> Iterator[str]:
    """Every GET that is measured, from the API's OpenAPI description: paths with places, and queries."""
    for path, operations in description["paths"].items():
        parameters = operations.get("get", {}).get("parameters", [])
        choices = {each["name"]: each["schema"].get("enum") for each in parameters if each["in"] == "path"}
        listed = {name: values for name, values in choices.items() if values}
        for chosen in product(*listed.values()) if "get" in operations else ():
            template = path
            for name, value in zip(listed, chosen, strict=True):
                template = template.replace(f"{{{name}}}", value)
            if template not in LEFT_OUT:
                yield from (template + query for query in QUERIES.get(template, ("",)))


def filled(name: str, sweep_id: str, size: int) -> str:
    """The address that a name stands for, in this sweep; `KeyError` if it has a place that is not known."""
    trials, points = cursor.write("trials", size - 201), cursor.write("leaderboard", 2, 0.0, size // 2 - 51)
    return name.format_map(
        {
            "sweep_id": sweep_id,
            "trial_id": f"{sweep_id}-0000",
            "kind": "optimizers",
            "name": "adam",
            "last_trials": quote(trials),
            "last_points": quote(points),
        }
    )


def memory(bench: Bench, size: int, paths: list[str]) -> Line:
    """The memory of the API after rounds of the same GETs, and in a round of exports of the whole sweep."""
    exports = [path for path in paths if "/export/" in path]
    others = [path for path in paths if path not in exports and not path.endswith("/events")]
    sizes, sent = [], 0
    for rounds in ROUNDS:
        for path in others * (rounds - sent):
            bench.ask("GET", path)
        sent = rounds
        sizes.append(f"{bench.api.memory_mb():.0f}")
    bench.api.forget_peak()
    for path in exports:
        bench.ask("GET", path)
    name = (
        f"memory of the API after {', '.join(map(str, ROUNDS))} rounds of {len(others)} GETs, {size:,} trials"
    )
    most = f"{bench.api.peak_mb():.0f} MB at most in exports, {bench.api.memory_mb():.0f} MB after them"
    return Line(name, "flat", f"{', '.join(sizes)} MB; {most}")


@contextmanager
def started(sqlite: bool) -> Iterator[Bench]:
    """Start the servers and the API."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        queue = redis.start()
        stack.callback(queue.server.stop)
        if sqlite:
            url = f"sqlite:///{folder}/state.db"
            upgrade(url)
        else:
            database = postgres.start()
            stack.callback(database.server.stop)
            url = database.url(database.create())
        settings = {
            "CNNLAB_DATABASE_URL": url,
            "CNNLAB_REDIS_URL": queue.url,
            "CNNLAB_FILES": str(folder),
            "CNNLAB_API_KEY": KEY,
            "CNNLAB_MLFLOW_URL": "http://127.0.0.1:1",
        }
        api = stack.enter_context(running(settings))
        store = Store(url)
        stack.callback(store.close)
        yield Bench(api, store, HTTPConnection("127.0.0.1", api.port, timeout=120))


def main() -> None:
    """Start the servers, measure, print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("sizes", metavar="TRIALS", type=int, nargs="*", default=[1000, 10_000])
    parser.add_argument("--sqlite", action="store_true")
    given = parser.parse_args()
    with started(given.sqlite) as bench:
        sys.stdout.write(
            "Medians: time to the first byte, to the last; CPU of the API; size of the answer.\n\n"
        )
        table(run(bench, given.sizes), sys.stdout.write)


if __name__ == "__main__":
    main()
