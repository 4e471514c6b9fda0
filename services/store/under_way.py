"""Whether anything is under way: a sweep that goes on by itself, or a pack that is queued or runs."""

from __future__ import annotations

from sqlalchemy import exists, or_, select
from sqlalchemy.orm import Session

from services.domain.states import PACK_OUTSTANDING, SWEEP_FINAL, SweepState
from services.store.models import Pack, Sweep

MOVING = sorted(state for state in SweepState if state not in {*SWEEP_FINAL, SweepState.PAUSED})

# Made once, because it is asked all the time.
_QUESTION = select(
    or_(
        exists().where(Sweep.state.in_(MOVING)),
        exists().where(Pack.state.in_(sorted(PACK_OUTSTANDING))),
    )
)


def is_anything(session: Session) -> bool:
    """Whether anything is, from two indexes: the cost does not grow with what has ended."""
    return bool(session.execute(_QUESTION).scalar_one())
