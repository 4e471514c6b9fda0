"""Who trains: workers and the devices they have claimed."""

from __future__ import annotations

from fastapi import APIRouter

from services.api.deps import Reached
from services.api.views.worker import WorkersView, device_view, worker_view
from services.store import devices, workers

router = APIRouter(tags=["workers"])


@router.get("/workers", summary="Who trains")
def everyone(reached: Reached) -> WorkersView:
    """Workers heard of within a lease's time, and every device ever claimed."""
    ttl = reached.settings.lease_ttl
    return reached.store.read(
        lambda session: WorkersView(
            workers=[worker_view(worker) for worker in workers.seen_within(session, ttl)],
            devices=[device_view(device, alive) for device, alive in devices.all_devices(session)],
        )
    )
