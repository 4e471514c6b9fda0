"""What sweeps, trials and workers look like while a worker trains, told through the store's own moves."""

from __future__ import annotations

import time
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import update

from services import dispatch
from services.domain.retry import Failure
from services.domain.states import SweepState, TrialState
from services.host import HostDevice
from services.store import devices, endings, leases, moves, reports, speeds, sweeps, trials, workers
from services.store.leases import Lease
from services.store.models import MirrorSweep, MirrorTrial, Pack, Sweep, Trial
from services.store.reports import Epoch
from services.store.session import Session, Store

TTL = 30.0


class Worker:
    """A worker on paper: it holds a device and the one pack of a sweep of four trials."""

    def __init__(self, store: Store, sweep_id: str) -> None:
        self.store, self.sweep_id = store, sweep_id
        self.ids = [f"{sweep_id}-{number:04d}" for number in range(4)]

    def start(self) -> None:
        def begin(session: Any) -> Lease:
            found = HostDevice("box", "cpu:0", "cpu", "a CPU")
            workers.say(session, "box/1", "box", 4711, "trains")
            devices.claim(session, [found], "box/1", "secret", TTL)
            pack_id = (
                session.query(Pack.id).where(Pack.state == "queued").order_by(Pack.shape).limit(1).scalar()
            )
            devices.renew(session, found.id, "secret", TTL, pack_id)
            held = Lease.new(pack_id)
            assert leases.take(session, held, "box/1", found.id, TTL)
            return held

        self.held = self.store.write(begin)

    def epoch(self, number: int, values: list[float], busy_ms: int = 1000) -> None:
        reached = dict(zip(self.ids, values, strict=True))
        epoch = Epoch(
            number=number,
            metrics={trial: {"val/acc": value, "train/loss": 1.0} for trial, value in reached.items()},
            best={trial: (number, value) for trial, value in reached.items() if value == value},
            saved=None,
            busy_ms=busy_ms,
            work_ms=busy_ms,
        )
        self.store.write(lambda session: reports.commit(session, self.held, epoch))

    def end(self, failed: int | None = None) -> None:
        def end(session: Any) -> None:
            for number, trial in enumerate(self.ids):
                if number == failed:
                    why = {"kind": Failure.DIVERGED, "message": "loss is nan"}
                    endings.end_trial(session, self.held, trial, TrialState.FAILED, failure=why)
                else:
                    endings.end_trial(session, self.held, trial, TrialState.SUCCEEDED)
            endings.close(session, self.held, "done")
            sweeps.settle(session, self.sweep_id)

        self.store.write(end)


@pytest.fixture
def worker(api: TestClient, store: Store, spec: dict[str, Any]) -> Worker:
    started = Worker(store, api.post("/v1/sweeps", json=spec).json()["id"])
    started.start()
    return started


def sweep(api: TestClient, worker: Worker) -> dict[str, Any]:
    view: dict[str, Any] = api.get(f"/v1/sweeps/{worker.sweep_id}").json()
    return view


def test_epochs_that_early_stopping_has_saved_are_not_missing(api: TestClient, worker: Worker) -> None:
    worker.epoch(1, [0.5, 0.7, 0.6, 0.4])
    assert sweep(api, worker)["epochs"]["total"] == 8
    stopped = {"rule": "plateau", "reason": "no better value"}
    pruned = update(Trial).values(state="pruned", pack_id=None, stopped=stopped)

    def prune(ids: list[str]) -> None:
        worker.store.write(lambda session: session.execute(pruned.where(Trial.id.in_(ids))))
        worker.store.write(lambda session: sweeps.settle(session, worker.sweep_id))

    prune(worker.ids[:1])
    assert sweep(api, worker)["epochs"]["total"] == 8  # what is expected, as long as trials train
    prune(worker.ids)
    after = sweep(api, worker)
    assert (after["state"], after["epochs"]) == ("succeeded", {"done": 4, "total": 4, "reused": 0})
    assert api.get(f"/v1/trials/{worker.ids[0]}").json()["stopped"] == stopped


def test_a_sweep_before_between_and_after(api: TestClient, worker: Worker) -> None:
    before = sweep(api, worker)
    assert before["trials"]["running"] == 4
    assert before["eta_seconds"] is None
    assert before["best"] is None
    assert before["blocked_by"] is None
    assert before["started_at"].endswith("Z")

    worker.epoch(1, [0.5, 0.7, 0.6, 0.4])
    time.sleep(0.01)
    between = sweep(api, worker)
    assert between["epochs"] == {"done": 4, "total": 8, "reused": 0}
    assert between["eta_seconds"] > 0
    assert (between["best"]["point"], between["best"]["mean"]) == (1, 0.7)
    [trial] = between["best"]["trials"]
    assert (trial["id"], trial["state"], trial["epoch"]) == (worker.ids[1], "running", 1)

    worker.epoch(2, [0.5, 0.6, 0.8, float("nan")])
    worker.end(failed=3)
    after = sweep(api, worker)
    assert (after["state"], after["epochs"]) == ("partial", {"done": 8, "total": 8, "reused": 0})
    assert (after["trials"]["succeeded"], after["trials"]["failed"]) == (3, 1)
    assert after["eta_seconds"] is None
    assert after["finished_at"] >= after["started_at"]
    assert [trial["id"] for trial in after["best"]["trials"]] == [worker.ids[2]]
    assert (after.pop("blockers"), after.pop("setbacks")) == ([], [])
    assert (after.pop("forked_from"), after.pop("reused_from")) == (None, [])
    assert (after.pop("mlflow")["runs"], after.pop("description")) == (0, "")
    assert api.get("/v1/sweeps").json()["sweeps"] == [after]


def test_trials_come_by_number(api: TestClient, worker: Worker) -> None:
    worker.epoch(1, [0.5, 0.7, float("nan"), 0.6])
    found = api.get(f"/v1/sweeps/{worker.sweep_id}/trials").json()["trials"]
    assert [trial["last"] for trial in found] == [0.5, 0.7, None, 0.6]
    assert (found[2]["number"], found[2]["best"], found[2]["epoch"]) == (2, None, 1)


def test_a_sweep_that_stops_expects_only_what_has_begun(api: TestClient, store: Store, spec: Any) -> None:
    spec["space"] = {"train.l2": [0.0, 0.1], "train.batch_size": [32, 64, 128]}  # the third is not drawn
    worker = Worker(store, api.post("/v1/sweeps", json=spec).json()["id"])
    worker.ids = worker.ids[:2]
    worker.start()
    worker.epoch(1, [0.5, 0.7])
    store.write(lambda session: session.execute(update(Sweep).values(started_at=Sweep.started_at - 60_000)))
    with_all = sweep(api, worker)["eta_seconds"]
    assert api.post(f"/v1/sweeps/{worker.sweep_id}/stop").status_code == 202
    assert sweep(api, worker)["eta_seconds"] == pytest.approx(with_all / 5, rel=0.05)


def test_the_time_that_is_left_follows_the_wall_clock_and_not_training_alone(
    api: TestClient, store: Store, worker: Worker
) -> None:
    """Four trials had their first of two epochs after a minute, of which a millisecond was training."""
    worker.epoch(1, [0.5] * 4, busy_ms=1)
    store.write(lambda session: session.execute(update(Sweep).values(started_at=Sweep.started_at - 60_000)))
    assert sweep(api, worker)["eta_seconds"] == pytest.approx(60, rel=0.1)


def test_a_trial_shows_its_config_curve_and_attempts(api: TestClient, worker: Worker) -> None:
    worker.epoch(1, [0.5, 0.7, 0.6, float("inf")])
    trial = api.get(f"/v1/trials/{worker.ids[3]}").json()
    assert trial["config"]["model"]["dropout"] == trial["values"]["model.dropout"] == 0.5
    assert "dropout 0.5" in trial["label"].split(", ")
    assert trial["config"]["train"]["optimizer"]["lr"] == 0.01
    [point] = trial["curve"]
    assert point["metrics"] == {"val/acc": "inf", "train/loss": 1.0}
    assert point["at"].endswith("Z")
    [attempt] = trial["attempts"]
    assert (attempt["row"], attempt["width"], attempt["state"]) == (3, 4, "running")
    assert (attempt["device"], attempt["worker"]) == ("box/cpu:0", "box/1")


def test_a_failure_is_shown_until_a_later_attempt_makes_it_good(api: TestClient, worker: Worker) -> None:
    worker.epoch(1, [0.5] * 4)
    worker.epoch(2, [0.5] * 4)
    worker.end(failed=3)
    failed = api.get(f"/v1/trials/{worker.ids[3]}").json()
    assert failed["failure"] == {"kind": "diverged", "message": "loss is nan"}

    def make_good(session: Any) -> None:
        trial = trials.get(session, worker.ids[3])
        trial.state = TrialState.SUCCEEDED

    worker.store.write(make_good)
    assert api.get(f"/v1/trials/{worker.ids[3]}").json()["failure"] is None


def test_the_cost_is_known_once_every_shape_has_a_plain_loop(api: TestClient, worker: Worker) -> None:
    key = sweep(api, worker)["shapes"][0]["key"]
    worker.epoch(1, [0.5] * 4, busy_ms=6000)
    assert sweep(api, worker)["cost"] is None
    # 5,400 images an epoch: 3 s alone on the faster machine, 12 s for the four; 6 s together.
    worker.store.write(lambda session: speeds.record(session, key, "slow", speeds.PLAIN, 900.0))
    worker.store.write(lambda session: speeds.record(session, key, "fast", speeds.PLAIN, 1800.0))
    worker.store.write(lambda session: speeds.record(session, key, "fast", 4, 9999.0))
    cost = sweep(api, worker)["cost"]
    assert (cost["share"], cost["trials"]) == (0.5, 4)
    assert cost["words"] == "4 trials in the time of 2.0 plain ones"
    assert cost["explained"].startswith(f"{cost['words']}: 50% of the device time of plain torch loops")


def test_a_sweep_that_waits_for_another_attempt_says_why_the_last_one_failed(
    api: TestClient, worker: Worker
) -> None:
    worker.epoch(1, [0.5, 0.6, 0.7, 0.8])
    path = f"/v1/sweeps/{worker.sweep_id}"
    assert api.get(path).json()["eta_seconds"]
    error = {"kind": Failure.HOST, "message": "mine.npz is damaged"}
    worker.store.write(lambda session: endings.give_up(session, worker.held, Failure.HOST, error))
    view = api.get(path).json()
    [blocker] = view["blockers"]
    assert (blocker["kind"], blocker["since"][-1]) == ("refused", "Z")
    assert "mine.npz is damaged" in blocker["message"]
    assert view["blocked_by"] == blocker["message"]
    assert view["eta_seconds"] is None
    [setback] = view["setbacks"]
    assert (setback["kind"], setback["attempts"]) == ("host", 1)
    [listed] = api.get("/v1/sweeps").json()["sweeps"]
    assert (listed["blocked_by"], listed["eta_seconds"]) == ("mine.npz is damaged", None)


def test_changed_data_does_not_look_healthy(api: TestClient, store: Store, worker: Worker) -> None:
    """Every worker refuses the packs, and the next attempt runs already: nothing progresses."""
    worker.epoch(1, [0.5, 0.6, 0.7, 0.8])
    for _ in range(2):
        error = {"kind": Failure.HOST, "message": "cats/1.jpg has changed"}
        store.write(lambda session, e=error: endings.give_up(session, worker.held, Failure.HOST, e))  # type: ignore[misc]
        store.write(lambda session: session.execute(update(Trial).values(not_before=0)))
        pack = store.write(lambda session: dispatch.fill(session, worker.sweep_id))
        assert pack
        worker.held = Lease.new(pack.id)
        store.write(lambda session: leases.take(session, worker.held, "box/1", "box/cpu:0", TTL))
    view = sweep(api, worker)
    assert view["trials"]["running"] == 4
    assert view["eta_seconds"] is None
    assert [blocker["kind"] for blocker in view["blockers"]] == ["refused"]
    assert "cats/1.jpg has changed" in view["blocked_by"]
    [listed] = api.get("/v1/sweeps").json()["sweeps"]
    assert (listed["eta_seconds"], listed["blocked_by"]) == (None, "cats/1.jpg has changed")


def test_links_into_mlflow_come_with_the_export(api: TestClient, worker: Worker) -> None:
    worker.epoch(1, [0.5, 0.7, 0.6, 0.4])
    links = sweep(api, worker)["links"]
    assert (links["mlflow"], links["mlflow_table"], links["mlflow_means"]) == (None, None, None)

    def export(session: Any) -> None:
        session.get_one(MirrorSweep, worker.sweep_id).experiment_id = "7"
        session.get_one(MirrorTrial, worker.ids[1]).run_id = "f00"

    worker.store.write(export)
    view = sweep(api, worker)
    links = view["links"]
    assert links["mlflow"] == links["mlflow_table"]
    assert links["mlflow_table"].startswith("http://mlflow:5500/#/experiments/7/runs?searchFilter=")
    assert (
        view["best"]["trials"][0]["mlflow"]
        == "http://mlflow:5500/#/experiments/7/runs/f00?workflowType=machine_learning"
    )
    assert api.get(f"/v1/trials/{worker.ids[0]}").json()["links"]["mlflow"] is None


def test_the_saved_view_is_the_link_once_mlflow_has_it(api: TestClient, store: Store, spec: Any) -> None:
    for seeds in (1, 2):
        sweep_id = api.post("/v1/sweeps", json={**spec, "seeds": seeds}).json()["id"]

        def export(session: Any, sweep_id: str = sweep_id) -> None:
            found = session.get_one(MirrorSweep, sweep_id)
            found.experiment_id, found.view_saved = "7", True

        store.write(export)
        links = api.get(f"/v1/sweeps/{sweep_id}").json()["links"]
        assert links["mlflow"].startswith("http://mlflow:5500/#/experiments/7/runs?")
        assert "viewStateShareKey" in links["mlflow"]
        assert links["mlflow_table"] != links["mlflow"]
        assert (links["mlflow_means"] is None) == (seeds == 1)


def test_points_never_drawn_are_cancelled_with_the_sweep(
    sqlite_api: TestClient, sqlite_store: Store, spec: dict[str, Any]
) -> None:
    spec["space"] = {"dropout": [i / 100 for i in range(60)]}
    view = sqlite_api.post("/v1/sweeps", json=spec).json()
    path = f"/v1/sweeps/{view['id']}"
    counts = sqlite_api.get(path).json()["trials"]
    assert counts["queued"] < 60
    assert counts["pending"] == 60 - counts["queued"]
    counts = sqlite_api.post(f"{path}/cancel").json()["trials"]
    assert (counts["pending"], counts["cancelled"]) == (0, 60)


def test_workers_and_devices(api: TestClient, worker: Worker) -> None:
    seen = api.get("/v1/workers").json()
    [who] = seen["workers"]
    assert (who["id"], who["host"], who["says"]) == ("box/1", "box", "trains")
    [device] = seen["devices"]
    assert device == {
        "id": "box/cpu:0",
        "kind": "cpu",
        "name": "a CPU",
        "memory": 0,
        "precisions": ["float32", "float64"],
        "alive": True,
        "worker": "box/1",
        "pack": worker.held.pack_id,
    }
    pack = worker.held.pack_id
    worker.store.write(lambda session: devices.renew(session, "box/cpu:0", "secret", -1.0, pack))
    [device] = api.get("/v1/workers").json()["devices"]
    assert (device["alive"], device["worker"], device["pack"]) == (False, None, None)


def test_a_sweep_says_that_nobody_is_there(api: TestClient, store: Store, spec: dict[str, Any]) -> None:
    path = f"/v1/sweeps/{api.post('/v1/sweeps', json=spec).json()['id']}"
    assert api.get(path).json()["blocked_by"].startswith("no worker is running")
    found = HostDevice("box", "cpu:0", "cpu", "a CPU")
    store.write(lambda session: devices.claim(session, [found], "box/1", "secret", TTL))
    assert api.get(path).json()["blocked_by"] is None


def test_a_sweep_that_the_service_has_paused_says_why(api: TestClient, worker: Worker) -> None:
    assert sweep(api, worker)["pause_reason"] is None

    def pause(session: Session) -> None:
        found = sweeps.lock(session, worker.sweep_id)
        moves.move_sweep(session, found, SweepState.PAUSED, "10 attempts in a row led nowhere")

    worker.store.write(pause)
    view = sweep(api, worker)
    assert (view["state"], view["pause_reason"]) == ("paused", "10 attempts in a row led nowhere")
    assert view["blocked_by"] == "the service has paused it: 10 attempts in a row led nowhere"
    [blocker] = view["blockers"]
    assert (blocker["kind"], blocker["message"]) == ("paused", view["blocked_by"])
    [listed] = api.get("/v1/sweeps").json()["sweeps"]
    assert listed["blocked_by"] == view["blocked_by"]
    assert api.post(f"/v1/sweeps/{worker.sweep_id}/resume").status_code == 202
    assert sweep(api, worker)["pause_reason"] is None
