"""Checkpoints in SQL: which file holds a trial's row, and which one came before."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, and_, exists, func, literal_column, or_, select, update
from sqlalchemy.orm import Session, aliased

from services.domain.states import SWEEP_FINAL, TRIAL_FINAL, TrialState
from services.store import clock
from services.store.models import Checkpoint, PackRow, Report, Sweep, Trial
from services.store.session import touched

DAY = 24 * 3600.0  # seconds
MAX_FILES = 250  # that one look for needless ones takes in


def of_trials(session: Session, trial_ids: Sequence[str]) -> dict[str, Checkpoint]:
    """The checkpoint that each trial goes on from; a trial that starts at epoch 0 has none."""
    rows = session.execute(
        select(Trial.id, Checkpoint)
        .join(Checkpoint, Checkpoint.id == Trial.checkpoint_id)
        .where(Trial.id.in_(trial_ids))
    )
    return dict(rows.all())


def fall_back(session: Session, checkpoint_id: int, pack_id: str) -> dict[str, str]:
    """Mark a file as damaged; this pack's trials go on from the one before, or begin again where they began.

    Trials in other packs find the damage themselves: their packs already name the epoch. Returns the trials
    that have begun with this file, each with the words for what they were forked from: they have no other.
    """
    session.execute(update(Checkpoint).where(Checkpoint.id == checkpoint_id).values(damaged=True))
    bad = session.get_one(Checkpoint, checkpoint_id)
    lost: dict[str, str] = {}
    for trial in session.scalars(
        select(Trial).where(Trial.checkpoint_id == checkpoint_id, Trial.pack_id == pack_id)
    ):
        if trial.start_checkpoint_id == checkpoint_id:
            lost[trial.id] = f"trial {trial.forked_from} at epoch {trial.start_epoch}"
            continue
        before = session.scalars(
            select(Checkpoint)
            .where(Checkpoint.epoch < bad.epoch, Checkpoint.damaged.is_(False), _has_row_of(trial, bad))
            .order_by(Checkpoint.epoch.desc(), Checkpoint.id.desc())
            .limit(1)
        ).one_or_none()
        trial.checkpoint_id = before.id if before else trial.start_checkpoint_id
        trial.saved_epoch = before.epoch if before else trial.start_epoch or 0
        trial.saved_row = _row_in(session, before, trial) if before else trial.start_row
    session.flush()
    return lost


def needless(session: Session, after: int = 0, kept: float = 0.0) -> tuple[Sequence[Checkpoint], int]:
    """Those of the next checkpoints behind an id whose files can go, and the id to go on from, 0 at the end.

    Kept are those that an unfinished trial goes on from, of every pack with unfinished trials the two newest
    good ones, so that there is one to fall back to, and for `kept` days the last one of a trial that has
    succeeded, so that a longer one can go on from there. It looks at `MAX_FILES` files, so that it takes as
    long however many there are; for all at once PostgreSQL would read every trial.
    """
    # A literal, so that the condition is that of the index.
    there = select(Checkpoint.id).where(Checkpoint.bytes > literal_column("0"), Checkpoint.id > after)
    some = session.scalars(there.order_by(Checkpoint.id).limit(MAX_FILES)).all()
    found = session.scalars(select(Checkpoint).where(Checkpoint.id.in_(some), ~_used(kept), ~_spare()))
    return found.all(), some[-1] if len(some) == MAX_FILES else 0


def forget(session: Session, checkpoint_id: int, kept: float = 0.0) -> bool:
    """Record that a checkpoint's file is gone, unless a trial needs it by now; returns whether it may go.

    `kept` is as for `needless`.
    """
    # Locked by a statement of its own: the next one then sees a retry that held it until now.
    session.execute(select(Checkpoint.id).where(Checkpoint.id == checkpoint_id).with_for_update())
    dropped = session.execute(
        update(Checkpoint).where(Checkpoint.id == checkpoint_id, ~_used(kept)).values(bytes=0, damaged=True)
    )
    if not touched(dropped):
        return False
    over = update(Trial).where(Trial.checkpoint_id == checkpoint_id)
    session.execute(over.values(back_at_start()))
    return True


def back_at_start() -> dict[str, Any]:
    """The columns of a trial that begins again: at epoch 0, or with the weights that it was forked with."""
    return {
        "checkpoint_id": Trial.start_checkpoint_id,
        "saved_epoch": func.coalesce(Trial.start_epoch, 0),
        "saved_row": Trial.start_row,
    }


def _has_row_of(trial: Trial, later: Checkpoint) -> ColumnElement[bool]:
    """It was written while the trial trained in its pack, not after the trial had left its row there.

    That is so before a later one of the same pack that the trial went on from, and of an epoch that the trial
    reported in that pack.
    """
    reported = exists().where(
        Report.trial_id == trial.id, Report.epoch == Checkpoint.epoch, Report.pack_id == Checkpoint.pack_id
    )
    return or_(Checkpoint.pack_id == later.pack_id, reported)


def _row_in(session: Session, checkpoint: Checkpoint, trial: Trial) -> int:
    """The row of a trial in a checkpoint's file: that which it, or whoever began it, had in the pack."""
    line = [trial.id]
    while (source := session.get_one(Trial, line[-1]).reused_from) is not None:
        line.append(source)
    mine = PackRow.pack_id == checkpoint.pack_id, PackRow.trial_id.in_(line)
    return session.scalars(select(PackRow.row).where(*mine)).one()


def _used(kept: float) -> ColumnElement[bool]:
    """An unfinished trial goes on from it, or a pruned one could, because its sweep has not ended.

    Or it is the last one of a trial that has succeeded in the last `kept` days; or a trial was forked with it
    and may have to begin again, or waits to be forked from a trial that it holds.
    """
    moving = exists().where(Sweep.id == Trial.sweep_id, Sweep.state.not_in(sorted(SWEEP_FINAL)))
    fork = aliased(Trial)
    unfinished = fork.state.not_in(sorted(TRIAL_FINAL))
    may_go_on = or_(
        Trial.state.not_in(sorted(TRIAL_FINAL)),
        and_(Trial.state == TrialState.PRUNED, moving),
        and_(Trial.state == TrialState.SUCCEEDED, Trial.finished_at > clock.seconds_ago(kept * DAY)),
        exists().where(fork.forked_from == Trial.id, fork.start_epoch.is_(None), unfinished),
    )
    return or_(
        exists().where(Trial.checkpoint_id == Checkpoint.id, may_go_on),
        exists().where(fork.start_checkpoint_id == Checkpoint.id, unfinished),
    )


def _spare() -> ColumnElement[bool]:
    """It is one of the two newest good ones of a pack with unfinished trials."""
    newer = aliased(Checkpoint)
    behind = (
        select(func.count())
        .select_from(newer)
        .where(newer.pack_id == Checkpoint.pack_id, newer.damaged.is_(False), newer.epoch > Checkpoint.epoch)
        .scalar_subquery()
    )
    # No EXISTS: PostgreSQL would read every trial to answer it for all files at once.
    unfinished = (
        select(Trial.id)
        .join(PackRow, PackRow.trial_id == Trial.id)
        .where(PackRow.pack_id == Checkpoint.pack_id, Trial.state.not_in(TRIAL_FINAL))
        .limit(1)
        .correlate(Checkpoint)
        .scalar_subquery()
    )
    return and_(unfinished.is_not(None), behind < 2)
