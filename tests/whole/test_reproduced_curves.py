"""A trial trained again, in a sweep of its own, has the same curve bit for bit."""

from __future__ import annotations

from typing import Any

import pytest
from whole_lab import Lab, numbers
from worker_process import wait_for

# One point fills arrays only with its seven seeds together: their rows have batches of their own.
MIXED = {"space": {"train.l2": [0.001]}, "seeds": 7, "train": {"epochs": 3, "optimizer": "adam"}}
# Twelve points fill arrays by themselves: rows share their batches, replicates train apart.
SHARED = {
    "model": {"name": "mlp", "hidden": [16]},
    "space": {"model.dropout": [0, 0.2, 0.4], "train.l2": [0, 0.001], "optimizer": ["momentum", "adam"]},
    "seeds": 2,
    "train": {"epochs": 2},
}
# Four points with one seed, each with images in an order and with changes of its own.
OWN = {
    "model": {"name": "mlp", "hidden": [16]},
    "data": {"name": "fashion-mnist-mini", "stream": "trial", "flip": 0.5, "pad-crop": 2, "resize": 32},
    "space": {"model.dropout": [0, 0.2], "optimizer": ["momentum", "adam"]},
    "train": {"epochs": 3},
}

# Eight points of what recipes vary, in one array; the best weights are means in half of them.
RECIPE = {
    "model": {"name": "mlp", "hidden": [16]},
    "space": {
        "train.optimizer": ["muon", "nadam"],
        "train.loss": [{"name": "softmax", "smoothing": 0.1, "class_weights": "balanced"}, "focal"],
        "train.ema": [0, 0.9],
    },
    "train": {
        "epochs": 3,
        "warmup": 1,
        "schedule": {"name": "cosine", "over": 2},
        "clip_norm": 1,
        "accumulate": 2,
    },
}


@pytest.mark.long
@pytest.mark.parametrize(
    ("spec", "mixed", "trials", "again"),
    [
        (MIXED, True, 7, (0, 3, 6)),
        (SHARED, False, 24, (23,)),
        (OWN, True, 4, (1, 2)),
        (RECIPE, False, 8, (1, 6)),
    ],
)
def test_a_trial_trained_again_is_bit_equal(
    lab: Lab, spec: dict[str, Any], mixed: bool, trials: int, again: tuple[int, ...]
) -> None:
    sweep_id = lab.submit(**spec)
    lab.wait_for_success(sweep_id, trials)
    curves = [numbers(lab.client.trial(f"{sweep_id}-{number:04d}")) for number in range(trials)]
    assert len({str(curve) for curve in curves}) == trials
    for number in again:
        sweep = lab.client.reproduce(f"{sweep_id}-{number:04d}")
        wait_for(lambda s=sweep["id"]: lab.client.sweep(s)["state"] == "succeeded", 60, "the end")  # type: ignore[misc]
        repeated = lab.client.trial(f"{sweep['id']}-0000")
        assert numbers(repeated) == curves[number]
        original = lab.client.trial(f"{sweep_id}-{number:04d}")
        assert original["shape"]["mixed"] is repeated["shape"]["mixed"] is mixed
        for same in ("row", "width", "machine"):
            assert repeated["attempts"][-1][same] == original["attempts"][-1][same]
        assert repeated["seed"] == original["seed"]
