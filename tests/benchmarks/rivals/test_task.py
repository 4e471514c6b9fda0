"""The grids: as many trials as the benchmark promises, and specs that the service accepts as such."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.rivals import images
from benchmarks.rivals.service import PLUGINS
from benchmarks.rivals.task import GRIDS, GROWTH, growth, small
from services.api.library import Library
from services.domain.planning.planner import make_plan
from services.domain.spec.spec import Spec

TRIALS = {"lenet5": 24, "tutorial-cnn": 12, "mlp": 16, "lone-lenet5": 1, "resnet20": 4}


@pytest.mark.parametrize("net", list(GRIDS))
def test_sizes_of_the_grids(net: str) -> None:
    task = GRIDS[net]
    assert len(task.trials) == TRIALS[net]
    assert all(set(values) == {"dropout", "l2", "lr"} for values in task.trials)
    held_out = round(task.per_class * 0.1)
    assert (task.per_class - held_out) * 10 % task.batch == 0, "a last, short batch costs JAX a compilation"


@pytest.mark.parametrize("count", GROWTH)
def test_a_growing_sweep_has_distinct_trials(count: int) -> None:
    assert len({values["lr"] for values in growth(count).trials}) == count


@pytest.mark.parametrize("net", list(GRIDS))
def test_the_service_plans_the_same_trials(net: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CNNLAB_DATA", str(tmp_path))
    monkeypatch.setenv("CNNLAB_PLUGINS", str(PLUGINS))
    task = small(GRIDS[net])
    name = images.write(task, "fashion-mnist-mini", tmp_path, seed=1)
    plan = make_plan(Spec.model_validate(task.spec(name, 1)), Library(), limit=1000, memory=2**31)
    assert plan.trials == len(task.trials)


def test_rivals_get_the_images_that_the_service_trains_on(tmp_path: Path) -> None:
    task = small(GRIDS["mlp"])
    name = images.write(task, "fashion-mnist-mini", tmp_path, seed=1)
    with np.load(tmp_path / name) as whole, np.load(tmp_path / f"split-1-{name}") as parts:
        assert parts["train_x"].shape == (270, 1, 28, 28)
        assert np.bincount(parts["val_y"]).tolist() == [3] * 10
        both = np.concatenate([parts["train_x"], parts["val_x"]])[:, 0]
        assert sorted(both.reshape(300, -1).tolist()) == sorted(whole["train_x"].reshape(300, -1).tolist())
        assert parts["mean"] == pytest.approx(parts["train_x"].mean() / 255)
