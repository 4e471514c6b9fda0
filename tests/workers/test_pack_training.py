"""What a runner leaves behind: the best weights, with what pictures of them need."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from safetensors import safe_open

from cnnlab import resolve
from cnnlab.registry import get
from services.tracking import best_weights
from workers.messages import EpochDone, Run, RunRow
from workers.pack_training import PackTraining
from workers.wire import Wire


def train(folder: Path, model: dict[str, Any]) -> Path:
    """One trial, one epoch; returns the file of its best weights."""
    config = resolve(
        {
            "model": model,
            "data": {"name": "fashion-mnist-mini"},
            "train": {"batch_size": 500, "epochs": 1, "optimizer": "adam"},
        }
    )
    run = Run(
        pack="p0",
        device="cpu",
        files=str(folder),
        width=1,
        start_epoch=0,
        target_epoch=1,
        checkpoint_every=0,
        metric="val/acc",
        goal="maximize",
        mixed=False,
        data_seed=0,
        plugins=None,
        rows=(RunRow(row=0, trial="t0", config=config, seed=1, replicate=0, checkpoint=None),),
    )
    wire = Wire(*os.pipe())
    try:
        PackTraining(run, wire).run()
        last = wire.receive()
    finally:
        wire.close()
    assert isinstance(last, EpochDone)
    return folder / last.final[0].file


def test_the_best_weights_tell_their_first_layer_and_their_mistakes(tmp_path: Path) -> None:
    file = train(tmp_path, {"name": "lenet5"})
    found = best_weights.read(file)
    assert found.first.shape[1:] == (1, 5, 5)
    assert found.image == (1, 28, 28)
    assert found.part == "val"
    assert found.confusion is not None
    assert [len(row) for row in found.confusion] == [10] * 10
    assert {sum(row) for row in found.confusion} == {60}  # a row for each true class, all equally many
    with safe_open(file, framework="np") as opened:
        assert json.loads(opened.metadata()["image"]) == [1, 28, 28]


def test_a_dense_net_has_a_first_layer_too(tmp_path: Path) -> None:
    found = best_weights.read(train(tmp_path, {"name": "mlp", "hidden": [7]}))
    assert found.first.shape == (7, 784)


def test_the_best_weights_hold_how_a_pixel_becomes_an_input(tmp_path: Path) -> None:
    file = train(tmp_path, {"name": "mlp", "hidden": [3]})
    with safe_open(file, framework="np") as opened:
        metadata = opened.metadata()
    (mean,), (std,) = json.loads(metadata["mean"]), json.loads(metadata["std"])
    images = get("datasets", "fashion-mnist-mini")().load({}).train_x.double() / 255
    assert (mean, std) == pytest.approx((images.mean().item(), images.std().item()), rel=0.02)  # 90 % of them
    assert json.loads(metadata["class_names"])[:2] == ["T-shirt/top", "trouser"]
    assert best_weights.read(file).class_names == json.loads(metadata["class_names"])
