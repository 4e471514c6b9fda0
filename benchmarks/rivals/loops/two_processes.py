"""The loop in two processes that share the trials: `two_processes [tuned]`."""

from __future__ import annotations

import multiprocessing
import sys
from typing import Any

from benchmarks.rivals.loops.protocol import serve
from benchmarks.rivals.loops.training import Images, train

PROCESSES = 2


def train_one(job: tuple[dict[str, Any], int, bool]) -> float:
    """Train a trial to its end; returns its last accuracy."""
    task, number, tuned = job
    images = Images(task["split"])
    if tuned:
        images = images.channels_last()
    return list(train(task, task["trials"][number], number, images, tuned))[-1]


def main() -> None:
    """Serve with a pool."""
    tuned = sys.argv[1:] == ["tuned"]
    with multiprocessing.get_context("spawn").Pool(PROCESSES) as pool:

        def run(task: dict[str, Any]) -> dict[str, Any]:
            jobs = [(task, number, tuned) for number in range(len(task["trials"]))]
            return {"accuracies": list(pool.imap(train_one, jobs))}

        serve(run)


if __name__ == "__main__":
    main()
