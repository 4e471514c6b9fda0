"""Trials of a sweep written without dispatch, as many as are wanted."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.orm import Session

from services.store import clock, moves, trials
from services.store.models import Sweep
from services.store.trials import BriefTrial


def draw(session: Session, sweep: Sweep, count: int) -> Sequence[BriefTrial]:
    """Write the sweep's next trials; the caller holds the sweep's lock."""
    rows = trials.new_rows(sweep, sweep.next_number, count, count, clock.read(session))
    moves.add_trials(session, rows)
    return trials.page(session, sweep.id, count, sweep.next_number - len(rows) - 1)
