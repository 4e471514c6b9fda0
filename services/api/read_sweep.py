"""Read one sweep as it is now: the answer of every route that shows, makes or changes one."""

from __future__ import annotations

from services.api.deps import Services
from services.api.views.sweep import SweepView, sweep_view
from services.store import sweep_status, sweeps


def read_sweep(sweep_id: str, services: Services) -> SweepView:
    """The sweep with its progress and its best point; `NotFound` if there is none of that id."""
    [status] = services.store.read(lambda session: sweep_status.of(session, [sweeps.get(session, sweep_id)]))
    return sweep_view(status, services.settings, services.library)
