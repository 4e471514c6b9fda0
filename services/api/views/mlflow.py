"""How much of a sweep is in MLflow, as JSON: it is written behind training, and can lag or leave out runs."""

from __future__ import annotations

from pydantic import BaseModel

from services.settings import Settings
from services.store.mirror_status import MirrorStatus
from services.store.models import Sweep


class MlflowView(BaseModel):
    """`runs` of the trials that have begun are wholly there, of `of` that are to be.

    `behind_seconds` is the age of the oldest change that is missing. Trials that are `left_out`, or the sweep
    as a whole, are not written any more; `reason` says why, or why the last try failed.
    """

    runs: int
    of: int
    behind_seconds: float
    left_out: int
    reason: str | None


def mlflow_view(sweep: Sweep, status: MirrorStatus, settings: Settings) -> MlflowView | None:
    """The view; None without a configured MLflow."""
    if not settings.mlflow_url:
        return None
    return MlflowView(
        runs=status.runs,
        of=status.of,
        behind_seconds=round(status.behind_ms / 1000, 1),
        left_out=status.left_out,
        reason=sweep.mirror.reason or status.reason,
    )
