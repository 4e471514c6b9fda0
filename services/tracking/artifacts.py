"""Files for MLflow, each made by itself: one that cannot be made costs no other."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping

from services.store.mirror_failures import reason_of
from services.tracking.mlflow_server import Gone, MlflowRun, Server, TrackingDown

log = logging.getLogger(__name__)
LEFT_OUT_TAG = "files.left_out"
Content = str | bytes
Makers = Mapping[str, Callable[[], Content | None]]  # by path within the run; None where there is nothing


def upload(server: Server, run: MlflowRun, makers: Makers) -> str | None:
    """Make files and upload them.

    What cannot be made or is refused is logged and named in a tag; returns why, None if nothing is missing.
    """
    missing = []
    for name, make in makers.items():
        try:
            if content := make():
                server.upload(run, {name: content})
        except (TrackingDown, Gone):
            raise
        except Exception as error:
            log.warning("run %s: %s is left out", run.run_id, name, exc_info=True)
            missing.append(f"{name}: {reason_of(error)}")
    if not missing:
        return None
    reason = "; ".join(missing)
    server.log(run.run_id, tags={LEFT_OUT_TAG: reason})
    return reason
