"""Where trials come from, as JSON: what they were forked from, what was forked from them, what they reuse."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from services.domain.plan.plan import Plan
from services.store.lineage import ForkedTrial, ReusedSweep


class ForkedFromView(BaseModel):
    """The trial whose weights a fork begins with, after which epoch, and the values that the fork changed.

    The epoch is null until the trial has a checkpoint of it.
    """

    trial: str
    epoch: int | None
    changed: dict[str, Any]


class ForkView(BaseModel):
    """A trial that was forked from this one, after its epoch `start_epoch`.

    The epoch is null until there is a checkpoint of it.
    """

    trial: str
    sweep: str
    state: str
    start_epoch: int | None
    epoch: int
    target_epoch: int


class ReusedFromView(BaseModel):
    """A sweep of which so many trials are reused, and so many of their epochs."""

    sweep: str
    trials: int
    epochs: int


def forked_from_view(plan: Plan, epoch: int | None) -> ForkedFromView | None:
    """What the trial of this plan begins with; None if it is no fork."""
    if plan.fork is None:
        return None
    return ForkedFromView(trial=plan.fork.trial, epoch=epoch, changed=plan.fork.changed)


def fork_view(fork: ForkedTrial) -> ForkView:
    """A fork."""
    return ForkView(
        trial=fork.id,
        sweep=fork.sweep_id,
        state=fork.state,
        start_epoch=fork.start_epoch,
        epoch=fork.epoch,
        target_epoch=fork.target_epoch,
    )


def reused_from_view(reused: ReusedSweep) -> ReusedFromView:
    """A sweep that is reused."""
    return ReusedFromView(sweep=reused.sweep_id, trials=reused.trials, epochs=reused.epochs)
