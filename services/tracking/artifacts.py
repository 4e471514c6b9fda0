"""Files for MLflow, each made by itself: one that cannot be made costs no other."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from functools import partial

from services.store.mirror_failures import reason_of
from services.tracking import files_together
from services.tracking.mlflow_server import Gone, MlflowRun, Server, TrackingDown

log = logging.getLogger(__name__)
LEFT_OUT_TAG = "files.left_out"
Content = str | bytes
Makers = Mapping[str, Callable[[], Content | None]]  # by path within the run; None where there is nothing


def upload(server: Server, run: MlflowRun, makers: Makers) -> str | None:
    """Make files and upload them.

    What cannot be made or is refused is logged and named in a tag; returns why, None if nothing is missing.
    """
    missing: dict[str, str] = {}
    made: dict[str, Content] = {}

    def attempt(name: str, work: Callable[[], None]) -> None:
        try:
            work()
        except (TrackingDown, Gone):
            raise
        except Exception as error:
            log.warning("run %s: %s is left out", run.run_id, name, exc_info=True)
            missing[name] = f"{name}: {reason_of(error)}"

    def make(name: str) -> None:
        if content := makers[name]():
            made[name] = content

    for name in makers:
        attempt(name, partial(make, name))
    if not files_together.send(server, run, made):
        for name, content in made.items():
            attempt(name, partial(server.upload, run, {name: content}))
    if not missing:
        return None
    reason = "; ".join(missing[name] for name in makers if name in missing)
    server.log(run.run_id, tags={LEFT_OUT_TAG: reason})
    return reason
