"""What planning is told by the training library, and how its refusals arrive."""

from __future__ import annotations

import gc
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from services.api.library import Library, freeze_loaded_objects
from services.domain.planning.catalog import ConfigFault

CONFIG: dict[str, Any] = {
    "model": {"name": "mlp", "hidden": [8]},
    "data": {"name": "fashion-mnist-mini", "validation": 0.1},
    "train": {"epochs": 2},
}


@pytest.fixture(scope="module")
def library() -> Library:
    return Library()


def test_a_config_is_completed_and_measured(library: Library) -> None:
    config = library.resolve(CONFIG)
    assert config["train"]["optimizer"]["name"]
    assert {"model.hidden", "train.optimizer.lr"} <= set(library.paths(config))
    assert library.is_row(config, "train.optimizer.lr")
    assert not library.is_row(config, "model.hidden")
    facts = library.inspect(config)
    assert facts.parameters == 784 * 8 + 8 + 8 * 10 + 10
    assert library.training_images(config) == 5400


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"model": {"name": "mlq"}}, "model"),
        ({"train": {"epochs": 0}}, "train.epochs"),
        ({"data": {"name": "npz", "path": "none.npz"}}, "data.path"),
    ],
)
def test_a_refusal_is_a_fault_at_its_path(
    library: Library, changes: dict[str, Any], path: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CNNLAB_DATA", str(tmp_path))
    with pytest.raises(ConfigFault) as caught:
        library.inspect(library.resolve(CONFIG | changes))
    assert caught.value.path == path
    assert caught.value.detail


def test_data_that_went_away_are_a_fault_at_their_path(
    library: Library, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CNNLAB_DATA", str(tmp_path))
    np.savez(tmp_path / "a.npz", train_x=np.zeros((20, 28, 28), np.uint8), train_y=np.arange(20) % 2)
    config = library.resolve(CONFIG | {"data": {"name": "npz", "path": "a.npz"}})
    assert library.training_images(config) == 18
    (tmp_path / "a.npz").unlink()
    assert library.training_images(config) == 18  # not looked at again: the config has the content's digest
    with pytest.raises(ConfigFault) as caught:
        Library().training_images(config)
    assert caught.value.path == "data.path"


def test_only_a_plan_that_names_a_plug_in_has_their_digest(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(library.__dict__, "_plugin_names", frozenset({"tried-half"}))
    monkeypatch.setattr("cnnlab.registry.plugins_digest", lambda: "digest")
    assert library.plugins_of({"base": {"model": [{"activation": "tried-half"}]}}) == "digest"
    assert library.plugins_of({"tried-half": 1}) == "digest"
    assert library.plugins_of({"base": {"model": "mlp"}}) == ""


def test_what_is_loaded_is_frozen_once(monkeypatch: pytest.MonkeyPatch) -> None:
    frozen: list[int] = []
    monkeypatch.setattr(gc, "freeze", lambda: frozen.append(1))
    freeze_loaded_objects.cache_clear()
    for _ in range(2):
        Library().load()
    assert frozen == [1]
