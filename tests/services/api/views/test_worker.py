"""A device shows its worker and pack only while the claim on it is alive."""

from __future__ import annotations

import pytest

from services.api.views.worker import device_view, worker_view
from services.store.models import Device
from services.store.workers import Worker


@pytest.mark.parametrize(("alive", "worker", "pack"), [(True, "box/1", "p1"), (False, None, None)])
def test_a_device(alive: bool, worker: str | None, pack: str | None) -> None:
    claimed = {"worker": "box/1", "pack_id": "p1"}
    found = {"kind": "cpu", "name": "a CPU", "memory": 0, "precisions": "float32,bfloat16"}
    device = Device(id="box/cpu:0", host="box", **found, **claimed)
    view = device_view(device, alive)
    assert (view.id, view.alive, view.worker, view.pack) == ("box/cpu:0", alive, worker, pack)
    assert view.precisions == ["float32", "bfloat16"]


def test_a_worker() -> None:
    view = worker_view(Worker(id="box/1", host="box", says="idle", seen=0)).model_dump(mode="json")
    assert view == {"id": "box/1", "host": "box", "says": "idle", "seen": "1970-01-01T00:00:00.000Z"}
