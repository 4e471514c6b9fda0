"""Lineage: which trials others were forked from, and whose epochs they have reused."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import func, select
from sqlalchemy.orm import Session, aliased

from services.store.models import Trial

MAX_FORKS = 100  # of one trial that are read


class ForkedTrial(NamedTuple):
    """A trial that begins with another one's weights, after the other's epoch `start_epoch`."""

    id: str
    sweep_id: str
    state: str
    start_epoch: int | None  # null until the other one has a checkpoint for it
    epoch: int
    target_epoch: int


class ReusedSweep(NamedTuple):
    """A sweep of which another one has reused so many trials, and so many of their epochs."""

    sweep_id: str
    trials: int
    epochs: int


def forks_of(session: Session, trial_id: str) -> Sequence[ForkedTrial]:
    """The trials that were forked from a trial, the first ones first."""
    rows = session.execute(
        select(*(getattr(Trial, name) for name in ForkedTrial._fields))
        .where(Trial.forked_from == trial_id)
        .order_by(Trial.created_at, Trial.id)
        .limit(MAX_FORKS)
    )
    return [ForkedTrial._make(row) for row in rows]


def start_of_fork(session: Session, sweep_id: str) -> int | None:
    """After which epoch of its parent the trial of a fork begins; None while that is open."""
    return session.scalars(select(Trial.start_epoch).where(Trial.sweep_id == sweep_id)).first()


def reused_by(session: Session, sweep_id: str) -> Sequence[ReusedSweep]:
    """The sweeps whose trials a sweep has reused, the one with most trials first."""
    source, trials = aliased(Trial), func.count()
    rows = session.execute(
        select(source.sweep_id, trials, func.sum(Trial.reused_epochs))
        .join(source, source.id == Trial.reused_from)
        .where(Trial.sweep_id == sweep_id)
        .group_by(source.sweep_id)
        .order_by(trials.desc(), source.sweep_id)
    )
    return [ReusedSweep(of, int(count), int(epochs)) for of, count, epochs in rows]
