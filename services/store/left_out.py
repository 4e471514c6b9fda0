"""Why MLflow gets nothing more of a sweep or a trial."""

from __future__ import annotations

from enum import StrEnum


class LeftOut(StrEnum):
    """Why a sweep or a trial is not mirrored any more."""

    DELETED = "deleted"  # a user removed its run in MLflow, or the sweep is being deleted
    REFUSED = "refused"  # MLflow does not take it
    FAILED = "failed"  # it could not be mirrored, however often that was tried
