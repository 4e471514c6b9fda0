"""workers/__main__.py: what a worker does before all else, in a process that has imported nothing yet."""

from __future__ import annotations

import subprocess
import sys

from worker_process import environment

from services.settings import Settings

SCRIPT = """
import sys
from workers import __main__ as worker

class Enough(BaseException):
    pass

def start(environment, by):
    assert by is worker.runner_start.execute, "there is no torch to fork with"
    print(environment["OMP_NUM_THREADS"], sorted({"celery", "kombu", "sqlalchemy"} & set(sys.modules)))
    raise Enough

worker.RunnerProcess = start
try:
    worker.main()
except Enough:
    pass
"""


def test_the_runner_is_started_before_celery_and_sql_are_imported(sqlite_settings: Settings) -> None:
    settings = sqlite_settings.model_copy(update={"threads": 3})
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], env=environment(settings), capture_output=True, text=True, check=True
    )
    assert done.stdout == "3 []\n"
