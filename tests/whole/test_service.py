"""End to end: a grid over HTTP, through Celery, trained as an array, seen in MLflow, state in SQL."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from contextlib import nullcontext

import pytest
from pydantic import SecretStr
from servers import redis
from servers.mlflow import Mlflow
from servers.process import free_port
from whole_lab import Lab, mlflow_curve
from worker_process import wait_for

from services.queue import Publisher

MakeLab = Callable[..., Lab]


@pytest.mark.long
@pytest.mark.parametrize("upkeep", [True, False], ids=["upkeep", "no-upkeep"])
def test_a_post_trains_and_its_curve_grows_in_mlflow_even_with_upkeep_stopped(
    lab_with: MakeLab, redis_url: str, mlflow_url: str, upkeep: bool
) -> None:
    # Upkeep looks every ten seconds; a worker stands in after 30 of upkeep's rounds, which are short here.
    lab = lab_with(redis_url=SecretStr(redis_url), mlflow_url=mlflow_url, upkeep_period=0.1)
    with lab.worker(), lab.upkeep() if upkeep else nullcontext():
        sweep_id = lab.submit(train={"epochs": 5000})
        lengths: set[int] = set()

        def grown() -> bool:
            for trial in lab.client.trials(sweep_id):
                if (link := trial["links"]["mlflow"]) and trial["state"] == "running":
                    curve = mlflow_curve(mlflow_url, link.split("?")[0].rsplit("/", 1)[1], "val/acc")
                    assert [step for step, _ in curve] == list(range(1, len(curve) + 1))
                    lengths.add(len(curve))
                    break
            return len(lengths - {0}) >= 3

        wait_for(grown, 120, "three lengths in the middle of training")
        lab.client.cancel(sweep_id)
        wait_for(lambda: not lab.client.sweep(sweep_id)["trials"]["running"], 30, "the end of its trials")


def test_what_mlflow_shows_is_what_sql_holds(lab: Lab, mlflow_url: str) -> None:
    sweep_id = lab.submit()
    lab.wait_for_success(sweep_id)
    wait_for(lambda: lab.client.sweep(sweep_id)["state"] == "succeeded", 20, "the sweep's end")
    wait_for(lambda: all(t["links"]["mlflow"] for t in lab.client.trials(sweep_id)), 20, "every run")
    trials = list(lab.client.trials(sweep_id))
    for trial in trials:
        run_id = trial["links"]["mlflow"].split("?")[0].rsplit("/", 1)[1]
        curve = {p["epoch"]: p["metrics"]["val/acc"] for p in lab.client.trial(trial["id"])["curve"]}
        wait_for(lambda r=run_id: len(mlflow_curve(mlflow_url, r, "val/acc")) == 3, 20, "three points")  # type: ignore[misc]
        for step, value in mlflow_curve(mlflow_url, run_id, "val/acc"):
            assert abs(value - curve[step]) < 1e-5
    best = lab.client.sweep(sweep_id)["best"]
    assert best["mean"] == max(trial["best"]["value"] for trial in trials)


@pytest.mark.long
def test_a_post_while_redis_is_down_is_kept_and_runs_later(lab_with: MakeLab, own_redis: redis.Redis) -> None:
    lab = lab_with(redis_url=SecretStr(own_redis.url))
    own_redis.server.signal_group(signal.SIGSTOP)  # it accepts connections and never answers
    started = time.monotonic()
    sweep_id = lab.submit()
    assert time.monotonic() - started < 5
    with lab.upkeep():
        time.sleep(1)
        assert set(lab.counts(sweep_id)) <= {"pending", "queued"}
        own_redis.server.signal_group(signal.SIGCONT)
        with lab.worker():
            lab.wait_for_success(sweep_id)


@pytest.mark.long
def test_mlflow_may_be_down_during_training_and_gets_everything_later(
    lab_with: MakeLab, redis_url: str, mlflow_server: Mlflow
) -> None:
    nobody = f"http://127.0.0.1:{free_port()}"
    lab = lab_with(redis_url=SecretStr(redis_url), mlflow_url=nobody)
    with lab.worker():
        sweep_id = lab.submit()
        lab.wait_for_success(sweep_id)
    assert next(lab.client.trials(sweep_id))["links"]["mlflow"] is None
    lab.settings = lab.settings.model_copy(update={"mlflow_url": mlflow_server.url})
    with lab.upkeep():
        wait_for(lambda: all(t["links"]["mlflow"] for t in lab.client.trials(sweep_id)), 60, "every run")
        for trial in lab.client.trials(sweep_id):
            run_id = trial["links"]["mlflow"].split("?")[0].rsplit("/", 1)[1]
            wait_for(
                lambda r=run_id: len(mlflow_curve(mlflow_server.url, r, "val/acc")) == 3,  # type: ignore[misc]
                30,
                "the whole curve",
            )


@pytest.mark.long
def test_no_worker_no_device_the_sweep_waits_says_why_and_outlives_an_emptied_redis(
    lab_with: MakeLab, own_redis: redis.Redis
) -> None:
    lab = lab_with(redis_url=SecretStr(own_redis.url))
    sweep_id = lab.submit()
    assert "no worker" in lab.client.sweep(sweep_id)["blocked_by"]
    wait_for(lambda: lab.counts(sweep_id) == {"queued": 4}, 10, "the first window")
    # Its queue is made in Redis by one write, its message by another: only then nothing more is written.
    publisher = Publisher(lab.settings)
    wait_for(lambda: publisher.waiting("cpu") == 1, 10, "the announcement")
    own_redis.flush()
    assert (publisher.waiting("cpu"), own_redis.keys()) == (0, 0)
    with lab.upkeep():
        assert "no worker" in lab.client.sweep(sweep_id)["blocked_by"]
        with lab.worker():
            lab.wait_for_success(sweep_id)
        assert lab.client.sweep(sweep_id)["blocked_by"] is None


def test_a_cancel_over_http_stops_what_runs(lab: Lab) -> None:
    sweep_id = lab.submit(train={"epochs": 500})
    wait_for(lambda: lab.counts(sweep_id) == {"running": 4}, 30, "the start")
    lab.client.cancel(sweep_id)
    wait_for(lambda: lab.client.sweep(sweep_id)["state"] == "cancelled", 15, "the end")
    assert lab.counts(sweep_id) == {"cancelled": 4}
    lab.wait_for_success(lab.submit())  # its worker goes on
