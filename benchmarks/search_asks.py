"""What an ask of `tpe` costs with the database: on a PostgreSQL of its own, at several numbers of trials.

    python -m benchmarks.search_asks [TRIALS ...]

One process asks for one point after another; between two asks another one ends four trials and draws four,
and 24 are under way. The first line of each size is the first ask of a process, which reads all trials. Times
are of the whole ask, from the first statement to the points, without what writes these.
"""

from __future__ import annotations

import math
import statistics
import sys
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from sqlalchemy import text

sys.path.append(str(Path(__file__).parents[1] / "tests"))

from paper_sweep import write_sweep
from servers import postgres

from services.store import asked, specs_and_plans, sweeps
from services.store.session import Session, Store

SIZES = (100, 1_000, 10_000)
ASKS = 100
ENDING = 4  # trials between two asks
UNDER_WAY = 24
SPACE = {
    "model.dropout": {"uniform": [0, 0.9]},
    "train.optimizer.lr": {"log_uniform": [1e-4, 1]},
    "train.l2": {"log_uniform": [1e-7, 0.1]},
}
# In place of training: a value that depends on the trial's number alone.
END = text(
    "UPDATE trials SET state = 'succeeded', epoch = target_epoch, pack_id = NULL, finished_at = 1, "
    "best_value = (number * 7919 % 1000) / 1000.0, last_value = (number * 7919 % 1000) / 1000.0 "
    "WHERE sweep_id = :sweep AND number >= :first AND number < :stop"
)


def draw(session: Session, sweep_id: str, rows: int) -> int:
    """Draw so many trials, or as many as one ask gives; returns how many there are then."""
    sweep = sweeps.lock(session, sweep_id)
    assert asked.draw(session, sweep, rows)
    return sweep.next_number


def end(session: Session, sweep_id: str, first: int, stop: int) -> None:
    """End the trials with these numbers."""
    session.execute(END, {"sweep": sweep_id, "first": first, "stop": stop})


def ask(session: Session, sweep_id: str) -> tuple[float, float]:
    """Ask for one point; returns the seconds of wall time and of processor time in this process."""
    sweep = sweeps.lock(session, sweep_id)
    specs_and_plans.give(session, [sweep])
    wall, cpu = time.perf_counter(), time.process_time()
    assert asked.next_points(session, sweep, 1)
    return time.perf_counter() - wall, time.process_time() - cpu


def measure(url: str, size: int) -> None:
    """Fill a sweep with so many trials, of which all but the latest have ended, and ask."""
    store = Store(url)
    sweep_id = write_sweep(store, space=SPACE, search="tpe", max_trials=10 * size, seed=1)
    there = 0
    while there < size:
        there = store.write(partial(draw, sweep_id=sweep_id, rows=size - there))
    ended = size - UNDER_WAY
    store.write(partial(end, sweep_id=sweep_id, first=0, stop=ended))
    afresh, taken = Store(url), []
    for _ in range(ASKS + 1):
        taken.append(afresh.write(partial(ask, sweep_id=sweep_id)))
        store.write(partial(draw, sweep_id=sweep_id, rows=ENDING))
        store.write(partial(end, sweep_id=sweep_id, first=ended, stop=ended + ENDING))
        ended += ENDING
    show(f"{size} trials, the first ask of a process", taken[:1])
    show(f"{size} trials, an ask", taken[1:])
    afresh.close()
    store.close()


def show(what: str, taken: Sequence[tuple[float, float]]) -> None:
    """Print median and 99 % of wall time and of processor time, in ms."""
    for name, column in zip(("wall", "processor"), zip(*taken, strict=True), strict=True):
        ordered = sorted(1000 * each for each in column)
        late = ordered[math.ceil(0.99 * len(ordered)) - 1]
        sys.stdout.write(
            f"{what}: {name} time, median {statistics.median(ordered):.1f} ms, 99 % within {late:.1f} ms "
            f"(n = {len(ordered)})\n"
        )
    sys.stdout.flush()


def main(sizes: Sequence[int]) -> None:
    """Measure each size on a database of its own."""
    database = postgres.start()
    try:
        for size in sizes:
            measure(database.url(database.create()), size)
    finally:
        database.server.stop()


if __name__ == "__main__":
    main([int(each) for each in sys.argv[1:]] or SIZES)
