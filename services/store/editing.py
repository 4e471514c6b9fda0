"""Change what a sweep is called: its name and its description."""

from __future__ import annotations

from sqlalchemy.orm import Session

from services.store import events, mirror, sweeps
from services.store.models import Sweep


def edit(session: Session, sweep_id: str, name: str | None = None, description: str | None = None) -> Sweep:
    """Change a sweep's name, its description or both, in any of its states; what is None stays.

    MLflow gets the change with the next turn of its mirror.
    """
    sweep = sweeps.lock(session, sweep_id)
    before = sweep.name, sweep.description
    sweep.name = sweep.name if name is None else name
    sweep.description = sweep.description if description is None else description
    if before != (sweep.name, sweep.description):
        sweep.events_forgotten = False
        session.flush()
        events.sweep_moved(session, sweep)  # so that watchers read it again
        mirror.changed(session, sweep_id)
    return sweep
