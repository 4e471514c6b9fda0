"""Workers and the devices they have claimed."""

from __future__ import annotations

from fastapi import APIRouter

from services.api.deps import ServicesDep
from services.api.views.worker import WorkersView, device_view, worker_view
from services.store import devices, workers

router = APIRouter(tags=["workers"])


@router.get("/workers", summary="List workers and devices")
def list_workers(services: ServicesDep) -> WorkersView:
    """The workers that have reported within the time of a lease, and every device that was ever claimed."""
    ttl = services.settings.lease_ttl
    return services.store.read(
        lambda session: WorkersView(
            workers=[worker_view(worker) for worker in workers.seen_within(session, ttl)],
            devices=[device_view(device, alive) for device, alive in devices.all_devices(session)],
        )
    )
