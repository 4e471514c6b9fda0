"""What Celery alone does: tasks of one UPDATE each, on the same Redis and the same PostgreSQL.

    python -m benchmarks.control.bare_celery REDIS_URL POSTGRES_URL

It starts a worker with two processes, as `celery worker --concurrency 2` does.
"""

from __future__ import annotations

import sys
from functools import lru_cache

import psycopg
from celery import Celery

PROCESSES = 2
UPDATE = "UPDATE bare SET done = done + 1 WHERE id = %s"


@lru_cache
def connection(address: str) -> psycopg.Connection:
    """The connection of a process."""
    return psycopg.connect(address)


def make_app(redis_url: str, address: str) -> Celery:
    """Make the application, with Celery's defaults but for the results, which nobody reads."""
    app = Celery("bare", broker=redis_url)
    app.conf.update(task_ignore_result=True, worker_concurrency=PROCESSES)

    @app.task(name="update")
    def work(number: int) -> None:
        with connection(address).transaction():
            connection(address).execute(UPDATE, (number,))

    return app


if __name__ == "__main__":
    quiet = ["--without-gossip", "--without-mingle", "--without-heartbeat"]
    make_app(*sys.argv[1:3]).worker_main(["worker", "--loglevel=WARNING", *quiet])
