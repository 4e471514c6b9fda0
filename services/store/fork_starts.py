"""Where forks begin: with the checkpoint that they wait for, or with what is there once nobody writes it."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import exists, select, update
from sqlalchemy.orm import Session, aliased

from services.domain.states import PackState
from services.store.models import Checkpoint, Pack, Trial

# As the partial index has it.
UNBEGUN = Trial.start_epoch.is_(None)


def begin_at(session: Session, checkpoint: Checkpoint, parents: Collection[str]) -> None:
    """Have the forks of these trials begin with a checkpoint that their pack has written.

    The caller has passed the pack's fence. Forks that were cancelled while they waited are among them: a
    retry finds where to begin.
    """
    parent = aliased(Trial)
    forks = (
        select(Trial, parent.saved_row)
        .join(parent, parent.id == Trial.forked_from)
        .where(UNBEGUN, parent.id.in_(parents))
        .order_by(Trial.id)
        .with_for_update(of=Trial)
    )
    for fork, row in session.execute(forks).all():
        begin(fork, checkpoint.epoch, checkpoint.id, row)
    asked = update(Pack).where(Pack.id == checkpoint.pack_id).values(save_asked=False)
    session.execute(asked.execution_options(synchronize_session=False))
    session.flush()


def is_any_left(session: Session) -> bool:
    """Whether a fork has not begun; most often there is none, which costs a look at an empty index."""
    return bool(session.execute(select(exists().where(UNBEGUN))).scalar_one())


def begin_others(session: Session) -> int:
    """Have forks begin for whose parents nobody writes a checkpoint any more; returns how many.

    That is so after the parent's pack has ended, as with its worker. They begin with what the parent goes on
    from; without any checkpoint that is epoch 0 and the parent's first weights.
    """
    parent = aliased(Trial)
    written = exists().where(
        Pack.id == parent.pack_id, Pack.state == PackState.RUNNING, Pack.save_asked.is_(True)
    )
    forks = (
        select(Trial, parent)
        .join(parent, parent.id == Trial.forked_from)
        .where(UNBEGUN, ~written)
        .order_by(Trial.id)
        .with_for_update(of=Trial)
    )
    found = session.execute(forks).all()
    for fork, trial in found:
        begin(fork, trial.saved_epoch, trial.checkpoint_id, trial.saved_row)
    session.flush()
    return len(found)


def begin(fork: Trial, epoch: int, checkpoint_id: int | None, row: int | None) -> None:
    """Have a fork begin after an epoch of its parent, with the parent's row of a checkpoint."""
    fork.start_epoch = fork.saved_epoch = fork.epoch = epoch
    fork.start_checkpoint_id = fork.checkpoint_id = checkpoint_id
    fork.start_row = fork.saved_row = row
