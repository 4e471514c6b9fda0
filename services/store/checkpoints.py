"""Checkpoints as SQL knows them: which file holds a trial's row, and which one came before."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import exists, select, update
from sqlalchemy.orm import Session

from services.domain.states import TRIAL_FINAL
from services.store.models import Checkpoint, PackRow, Trial


def of_trials(session: Session, trial_ids: Sequence[str]) -> dict[str, Checkpoint]:
    """The checkpoint that each trial goes on from; a trial that starts at epoch 0 has none."""
    rows = session.execute(
        select(Trial.id, Checkpoint)
        .join(Checkpoint, Checkpoint.id == Trial.checkpoint_id)
        .where(Trial.id.in_(trial_ids))
    )
    return dict(rows.all())


def fall_back(session: Session, checkpoint_id: int) -> None:
    """Call a file damaged; the trials that go on from it take the one before, else start anew."""
    session.execute(update(Checkpoint).where(Checkpoint.id == checkpoint_id).values(damaged=True))
    for trial in session.scalars(select(Trial).where(Trial.checkpoint_id == checkpoint_id)):
        before = session.scalars(
            select(Checkpoint)
            .join(PackRow, PackRow.pack_id == Checkpoint.pack_id)
            .where(PackRow.trial_id == trial.id, Checkpoint.damaged.is_(False))
            .where(Checkpoint.epoch < trial.saved_epoch)
            .order_by(Checkpoint.epoch.desc(), Checkpoint.id.desc())
            .limit(1)
        ).one_or_none()
        trial.checkpoint_id = before.id if before else None
        trial.saved_epoch = before.epoch if before else 0
    session.flush()


def needless(session: Session) -> Sequence[Checkpoint]:
    """Checkpoints that no unfinished trial can go on from any more, nor fall back to."""
    waiting = exists().where(
        PackRow.pack_id == Checkpoint.pack_id,
        PackRow.trial_id == Trial.id,
        Trial.state.not_in(list(TRIAL_FINAL)),
    )
    return session.scalars(select(Checkpoint).where(~waiting, Checkpoint.bytes > 0)).all()


def forget(session: Session, checkpoint_id: int) -> None:
    """Remember that a checkpoint's file has been removed."""
    session.execute(
        update(Trial).where(Trial.checkpoint_id == checkpoint_id).values(checkpoint_id=None, saved_epoch=0)
    )
    session.execute(update(Checkpoint).where(Checkpoint.id == checkpoint_id).values(bytes=0, damaged=True))
