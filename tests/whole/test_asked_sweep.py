"""End to end: a search by results under halving, on PostgreSQL, by real workers, watched over HTTP."""

from __future__ import annotations

from collections import Counter

from whole_lab import Lab
from worker_process import wait_for

SPACE = {
    "train.optimizer": ["sgd", "adam"],
    "train.optimizer.lr": {"log_uniform": [1e-3, 0.1]},
    "train.l2": {"log_uniform": [1e-5, 0.1]},
}


def test_tpe_with_halving_trains_every_point_once_to_its_rung_or_to_its_end(lab: Lab) -> None:
    changes = {"reuse": False, "train": {"epochs": 2, "batch_size": 50}}
    sweep_id = lab.submit(
        space=SPACE, search="tpe", max_trials=16, stop={"name": "halving", "eta": 2}, **changes
    )
    wait_for(lambda: lab.client.sweep(sweep_id)["state"] == "succeeded", 120, "the sweep's end")
    trials = sorted(lab.client.trials(sweep_id), key=lambda trial: trial["number"])
    assert [trial["number"] for trial in trials] == list(range(16))
    assert len({str(trial["values"]) for trial in trials}) == 16
    assert Counter(trial["state"] for trial in trials) == {"succeeded": 8, "pruned": 8}
    for trial in trials:
        last = 2 if trial["state"] == "succeeded" else 1
        assert [point["epoch"] for point in lab.client.trial(trial["id"])["curve"]] == [*range(1, last + 1)]
