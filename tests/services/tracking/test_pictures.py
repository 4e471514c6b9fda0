"""Figures of the best weights are drawn from the file alone, at the trial's end, and may be missing."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mlflow_stage import Stage
from safetensors.numpy import save_file

from services.domain.states import TrialState
from services.tracking import best_weights

PNG = b"\x89PNG"
IMAGE = (1, 8, 8)


def write(path: Path, first: Any) -> None:
    counts = [[9, 1], [3, 7]]
    told = {
        "image": json.dumps(IMAGE),
        "first_layer": "conv1.weight",
        "confusion_part": "val",
        "confusion": json.dumps(counts),
    }
    path.parent.mkdir(exist_ok=True)
    save_file({"conv1.weight": first, "another.weight": np.zeros((2, 2))}, path, told)


def test_an_ended_trial_has_pictures_of_its_best_weights(stage: Stage, tmp_path: Path) -> None:
    write(stage.settings.files / "best" / "t0.safetensors", np.ones((4, 1, 3, 3), np.float32))
    stage.train(1)
    stage.end(0, TrialState.SUCCEEDED, best_file="best/t0.safetensors")
    assert stage.tracker().mirror(stage.sweep_id)
    stage.tracker().send_files(stage.sweep_id)
    run = stage.runs()[0]
    for name in ("confusion_matrix", "first_layer", "learning_curve"):
        assert stage.artifact(run, f"figures/{name}.png", tmp_path).startswith(PNG)


def test_a_damaged_file_costs_the_pictures_and_nothing_else(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    path = stage.settings.files / "t0.safetensors"
    path.write_bytes(b"weights")
    with pytest.raises(ValueError):
        best_weights.read(path)
    stage.train(1)
    stage.end(0, TrialState.SUCCEEDED, best_file="t0.safetensors")
    with caplog.at_level(logging.WARNING):
        assert stage.tracker().mirror(stage.sweep_id)
        stage.tracker().send_files(stage.sweep_id)
    assert "no figures of its weights" in caplog.text
    assert "figures/learning_curve.png" in stage.artifacts(stage.runs()[0])
    assert stage.tracker().behind() == []


def test_a_run_names_its_data_set(stage: Stage) -> None:
    stage.train(1)
    assert stage.tracker().mirror(stage.sweep_id)
    inputs = [run.inputs.dataset_inputs for run in stage.runs()]
    assert [[found.dataset.name for found in each] for each in inputs] == [["paper"]] * 4
    assert len({each[0].dataset.digest for each in inputs}) == 1
    assert json.loads(inputs[0][0].dataset.source) == {"name": "paper", "validation": 0.1}
    (tag,) = inputs[0][0].tags
    assert (tag.key, tag.value) == ("mlflow.data.context", "training")
