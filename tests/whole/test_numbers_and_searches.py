"""End to end: targets that are numbers, and methods that look at all images several times a step."""

from __future__ import annotations

import json
import urllib.parse
import urllib.request
from typing import Any

import pytest
from whole_lab import Lab, mlflow_curve
from worker_process import wait_for


def ask(url: str, place: str, /, **query: str) -> Any:
    """Ask MLflow over plain HTTP."""
    address = f"{url}/api/2.0/mlflow/{place}?{urllib.parse.urlencode(query)}"
    with urllib.request.urlopen(address, timeout=10) as answer:
        return json.load(answer)


def figures(url: str, run_id: str) -> set[str]:
    """The names of all figures in the run of a trial's sweep."""
    tags = ask(url, "runs/get", run_id=run_id)["run"]["data"]["tags"]
    parent = next(tag["value"] for tag in tags if tag["key"] == "mlflow.parentRunId")

    def within(folder: str) -> list[str]:
        listed = ask(url, "artifacts/list", run_id=parent, path=folder).get("files", [])
        return [file["path"] for file in listed]

    return {file.rsplit("/", 1)[1] for folder in within("figures") for file in within(folder)}


def run_of(trial: dict[str, Any]) -> str:
    return str(trial["links"]["mlflow"].split("?")[0].rsplit("/", 1)[1])


def test_angles_are_ranked_by_their_error_and_shown_in_mlflow(lab: Lab, mlflow_url: str) -> None:
    sweep_id = lab.submit(
        data={"name": "rotated", "label_noise": 0.2},
        train={"epochs": 3, "optimizer": "adam"},
        space={"train.loss": ["square", "l1", {"name": "huber", "delta": 0.5}]},
    )
    lab.wait_for_success(sweep_id, 3)
    wait_for(lambda: lab.client.sweep(sweep_id)["state"] == "succeeded", 20, "the sweep's end")
    wait_for(lambda: all(t["links"]["mlflow"] for t in lab.client.trials(sweep_id)), 30, "every run")
    trials = list(lab.client.trials(sweep_id))
    sweep = lab.client.sweep(sweep_id)
    assert sweep["objective"] == {"metric": "val/mae", "goal": "minimize", "at": "best"}
    assert sweep["best"]["mean"] == min(trial["best"]["value"] for trial in trials)
    curve = lab.client.trial(trials[0]["id"])["curve"]
    assert {name for name in curve[0]["metrics"] if "/" in name} >= {"train/mae", "val/mae", "val/loss"}
    assert not any("acc" in name for name in curve[0]["metrics"])
    run_id = run_of(trials[0])
    wait_for(lambda: len(mlflow_curve(mlflow_url, run_id, "val/mae")) == 3, 20, "three points")
    wait_for(lambda: figures(mlflow_url, run_id) == {"first_layer.svg"}, 30, "the figures of numbers")


@pytest.mark.long
def test_searches_share_an_array_with_plain_steps_and_are_paused_and_resumed(
    lab: Lab,
) -> None:
    """The curve of a trial that was interrupted is that of one that was not, bit for bit."""
    space = {
        "train.optimizer": ["lbfgs", "sgd", {"name": "newton", "damping": 0.1}, {"name": "lbfgs", "pairs": 3}]
    }
    given = {
        "model": {"name": "mlp", "hidden": []},
        "data": {"name": "fashion-mnist-mini", "resize": 3},
        "train": {"epochs": 8, "batch_size": "full", "l2": 0.001},
        "space": space,
    }
    straight = lab.submit(**given)
    lab.wait_for_success(straight, 4)
    broken = lab.submit(**given)
    wait_for(lambda: next(lab.client.trials(broken), {"epoch": 0})["epoch"] >= 2, 60, "two epochs")
    lab.client.pause(broken)
    wait_for(lambda: lab.client.sweep(broken)["state"] == "paused", 20, "the pause")
    wait_for(lambda: "running" not in lab.counts(broken), 20, "the pack's end")
    lab.client.resume(broken)
    lab.wait_for_success(broken, 4)

    def curves(sweep_id: str) -> list[Any]:
        trials = sorted(lab.client.trials(sweep_id), key=lambda trial: trial["number"])
        return [
            [(point["epoch"], point["metrics"]) for point in lab.client.trial(trial["id"])["curve"]]
            for trial in trials
        ]

    assert curves(straight) == curves(broken)
    losses = [[metrics["train/loss"] for _, metrics in curve] for curve in curves(straight)]
    assert all(curve[-1] < curve[0] for curve in losses)
