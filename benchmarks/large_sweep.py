"""What requests about one large sweep cost: submit, every GET, cancel; on PostgreSQL, at several sizes.

    python -m benchmarks.large_sweep [TRIALS ...]

The API runs in this process, behind its framework's client, so a time is that of the work and its JSON. Three
quarters of the sweep's trials have succeeded, the rest waits; the sizes are 1,000 and 10,000 unless given.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

from fastapi.testclient import TestClient
from sqlalchemy import text

from benchmarks.history import KEY, MAX_SECONDS, Line, analyze, on_servers, shown, table
from benchmarks.tables.past_sweeps import SPEC, add_waiting
from services.api.app import make_app
from services.settings import Settings
from services.store.session import Store

PAGES = (
    "",
    "/trials?limit=200",
    "/trials?limit=200&state=pending",
    "/leaderboard",
    "/best",
    "/export/trials?limit=200",
    "/export/curves?limit=200",
)


def large_spec(trials: int) -> dict[str, Any]:
    """A grid of so many points on two axes."""
    dropouts = [number / 1000 for number in range(100)]
    rates = [(number + 1) / 10_000 for number in range(trials // 100)]
    return SPEC | {
        "space": {"model.dropout": dropouts, "train.optimizer.lr": rates},
        "max_trials": trials,
    }


def run(settings: Settings, store: Store, sizes: list[int]) -> Iterator[Line]:
    """Measure line after line."""
    headers = {"Authorization": f"Bearer {KEY}"}
    with TestClient(make_app(settings), base_url="http://127.0.0.1", headers=headers) as client:
        client.post("/v1/sweeps?dry_run=true", json=large_spec(100))
        for size in sizes:
            yield from of_size(client, store, size)


def of_size(client: TestClient, store: Store, size: int) -> Iterator[Line]:
    """The lines of one size."""
    submitted: list[str] = []

    def submit() -> None:
        answer = client.post("/v1/sweeps", json=large_spec(size))
        assert answer.status_code == 201, answer.text
        submitted.append(answer.json()["id"])

    def cancel() -> None:
        assert client.post(f"/v1/sweeps/{submitted.pop()}/cancel").status_code == 202

    yield both(f"submit of {size:,} trials", "< 1 s", submit, 5)
    yield both(f"cancel of {size:,} trials, none drawn but the first", "< 1 s", cancel, 5)
    sweep_id = add_waiting(store, size)
    store.write(lambda session: session.execute(text(SUCCEED), {"sweep": sweep_id, "ended": size * 3 // 4}))
    analyze(store)
    paths = {f"/v1/sweeps/{{id}}{page}": f"/v1/sweeps/{sweep_id}{page}" for page in PAGES}
    others = ("/v1/sweeps", "/v1/workers", "/ready")
    paths |= {"/v1/trials/{id}": f"/v1/trials/{sweep_id}-0000"} | dict(zip(others, others, strict=True))
    for name, path in paths.items():
        yield both(f"`GET {name}`, {size:,} trials", "< 50 ms", lambda p=path: ask(client, p), 15)  # type: ignore[misc]

    submitted.append(sweep_id)
    yield both(f"cancel of {size:,} trials, all drawn", "< 1 s", cancel, 1)


SUCCEED = """
UPDATE trials SET state = 'succeeded', epoch = target_epoch, best_epoch = 1, best_value = random(),
    last_value = random(), started_at = created_at, finished_at = created_at + 1000
WHERE sweep_id = :sweep AND number < :ended
"""


def both(name: str, bound: str, work: Callable[[], object], n: int) -> Line:
    """A line with two medians: of the time that `work` takes, and of this process's processor time in it."""
    times: list[tuple[float, float]] = []
    while len(times) < n and sum(took for took, _ in times) < MAX_SECONDS:
        start, spent = time.perf_counter(), time.process_time()
        work()
        times.append((time.perf_counter() - start, time.process_time() - spent))
    took, cpu = (shown(statistics.median(values)) for values in zip(*times, strict=True))
    return Line(name, bound, f"{took}; {cpu} of processor time in the API (n = {len(times)})")


def ask(client: TestClient, path: str) -> None:
    """Send a GET; the answer must be good."""
    answer = client.get(path)
    assert answer.status_code == 200, answer.text


def main() -> None:
    """Start the servers, measure, print."""
    sizes = [int(size) for size in sys.argv[1:]] or [1000, 10_000]
    with on_servers() as (settings, store):
        table(run(settings, store, sizes), sys.stdout.write)


if __name__ == "__main__":
    main()
