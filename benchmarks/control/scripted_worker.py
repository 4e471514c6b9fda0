"""A worker whose runner is the scripted one: `python -m workers` in every other respect."""

from __future__ import annotations

import sys

from workers import __main__ as worker
from workers import runner_start

if __name__ == "__main__":
    runner_start.MODULE = "benchmarks.control.scripted_runner"
    sys.exit(worker.main())
