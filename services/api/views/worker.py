"""Workers and their devices, as JSON."""

from __future__ import annotations

from pydantic import BaseModel

from services.api.views.values import Time
from services.store.models import Device
from services.store.workers import Worker


class WorkerView(BaseModel):
    """A worker; `says` is what it is doing, `seen` when it last reported."""

    id: str
    host: str
    says: str
    seen: Time


class DeviceView(BaseModel):
    """A device; `worker` and `pack` are null unless a worker's claim on it is alive."""

    id: str
    kind: str
    name: str
    memory: int  # bytes of a GPU; a CPU slot has none of its own
    precisions: list[str]  # in which it trains, as its latest worker has found
    alive: bool
    worker: str | None
    pack: str | None


class WorkersView(BaseModel):
    """The workers that are running, and every device that was ever claimed."""

    workers: list[WorkerView]
    devices: list[DeviceView]


def worker_view(worker: Worker) -> WorkerView:
    """A worker."""
    return WorkerView(id=worker.id, host=worker.host, says=worker.says, seen=worker.seen)


def device_view(device: Device, alive: bool) -> DeviceView:
    """A device; worker and pack only while the claim is alive."""
    return DeviceView(
        id=device.id,
        kind=device.kind,
        name=device.name,
        memory=device.memory,
        precisions=device.precisions.split(","),
        alive=alive,
        worker=device.worker if alive else None,
        pack=device.pack_id if alive else None,
    )
