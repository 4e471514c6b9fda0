"""What GET /v1/trials/{id} tells of a trial's way, from its shape to its checkpoint."""

from __future__ import annotations

from typing import Any

from fastapi.testclient import TestClient

from services.host import HostDevice
from services.store import devices, leases, packs, reports
from services.store.leases import Lease
from services.store.models import Pack
from services.store.reports import Epoch, Saved
from services.store.session import Session, Store


def test_a_trials_way_is_described(sqlite_api: TestClient, sqlite_store: Store, spec: dict[str, Any]) -> None:
    sweep = sqlite_api.post("/v1/sweeps", json={**spec, "seeds": 2}).json()
    trial_id = f"{sweep['id']}-0001"
    before = sqlite_api.get(f"/v1/trials/{trial_id}").json()
    [shape] = sweep["shapes"]
    assert before["shape"].items() >= shape.items()
    assert (before["number"], before["row"], before["plugins"]) == (1, 1, None)
    assert (before["started_at"], before["checkpoint"], before["best_file"]) == (None, None, None)
    [waits] = before["attempts"]
    assert (waits["state"], waits["began_at"], waits["ended_at"]) == ("queued", None, None)
    assert waits["engine"] is None
    engine = {"steps": "recorded", "kernels": "torch", "precision": "tf32", "rows": "together"}
    engine |= {"reason": "", "memory": 7}

    def train(session: Session) -> None:
        pack = session.get_one(Pack, waits["pack"])
        devices.claim(session, [HostDevice("box", "cpu:0", "cpu", "a CPU")], "box/1", "secret", 30.0)
        held = Lease.new(pack.id)
        assert leases.take(session, held, "box/1", "box/cpu:0", 30.0)
        ids = [trial.id for trial in packs.rows_of(session, pack.id).values()]
        saved = Saved(1, "x/1.safetensors", "ab" * 32, 10)
        metrics = {each: {"val/acc": 0.5} for each in ids}
        reports.commit(session, held, Epoch(1, metrics, {}, saved, 1, 1, engine=engine))

    sqlite_store.write(train)
    after = sqlite_api.get(f"/v1/trials/{trial_id}").json()
    assert after["checkpoint"] == {
        "epoch": 1, "pack": waits["pack"], "path": "x/1.safetensors", "sha256": "ab" * 32, "damaged": False,
    }  # fmt: skip
    [trained] = after["attempts"]
    assert (trained["kind"], trained["engine"]) == ("cpu", engine)
    assert trained["began_at"].endswith("Z")
    assert after["started_at"].endswith("Z")
