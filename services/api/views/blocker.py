"""What keeps a sweep from moving, and what has set it back, as JSON."""

from __future__ import annotations

from pydantic import BaseModel

from services.api.views.values import Time
from services.domain.blocker import Blocker
from services.store.attempts import Setback


class BlockerView(BaseModel):
    """One reason for which a sweep does not move, since when, and what to do.

    Kinds: set-aside, paused, no-worker, plug-ins, no-device, refused, failing, parent, queue, turn,
    compiler, row-by-row, mlflow. The last three stop no training: it could be faster, or what MLflow shows
    is behind.
    """

    kind: str
    message: str
    since: Time | None
    remedy: str


class SetbackView(BaseModel):
    """Attempts that failed alike in the last minutes: `at` is when the latest one ended, `then` what follows.

    Kinds: spec, diverged, crashed, memory, lost, host, damaged.
    """

    kind: str
    attempts: int
    at: Time
    message: str
    then: str


def blocker_view(blocker: Blocker) -> BlockerView:
    """A blocker."""
    return BlockerView(kind=blocker.kind, message=blocker.message, since=blocker.since, remedy=blocker.remedy)


def setback_view(setback: Setback) -> SetbackView:
    """A setback."""
    return SetbackView(
        kind=setback.failure,
        attempts=setback.attempts,
        at=setback.at,
        message=setback.message,
        then=setback.then,
    )
