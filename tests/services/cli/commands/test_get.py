"""services/cli/commands/get.py: a model in a folder of its own."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from served_weights import KEY, ServedWeights, served_weights

from services.settings import Settings
from services.store.session import Store

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def lab(sqlite_store: Store, sqlite_settings: Settings) -> Iterator[ServedWeights]:
    with served_weights(sqlite_store, sqlite_settings) as served:
        yield served


@pytest.fixture
def at(run: Run, lab: ServedWeights) -> Run:
    return lambda *words: run(*words, "--url", lab.url, "--key", KEY)


def test_a_sweep_gives_its_best_trials_model(at: Run, lab: ServedWeights) -> None:
    code, out, err = at("get", lab.sweep_id, "--to", "deep/winner")
    assert code == 0, err
    assert f"of trial {lab.trial_id} to deep/winner." in " ".join(out.split())
    names = sorted(path.name for path in Path("deep/winner").iterdir())
    assert names == ["card.md", "model.onnx", "model.py", "model.safetensors"]
    assert lab.trial_id in Path("deep/winner/card.md").read_text()

    code, _, err = at("get", lab.trial_id, "--to", "deep/winner")
    assert code == 2
    assert "deep/winner must be empty or not there yet, but it has card.md and 3 more" in err


def test_a_trial_by_its_beginning_as_json(at: Run, lab: ServedWeights) -> None:
    code, out, _ = at("get", lab.trial_id[:6] + lab.trial_id[-5:], "--to", "model", "--json")
    assert code == 0
    assert json.loads(out)["trial"] == lab.trial_id


def test_a_file_in_the_way_is_named(at: Run, lab: ServedWeights) -> None:
    Path("taken").write_text("mine")
    code, _, err = at("get", lab.trial_id, "--to", "taken")
    assert (code, Path("taken").read_text()) == (2, "mine")
    assert "taken is a file: --to names a folder" in err


def test_what_has_no_model_leaves_no_folder(at: Run, lab: ServedWeights) -> None:
    other = next(f"{lab.sweep_id}-{i:04d}" for i in range(2) if f"{lab.sweep_id}-{i:04d}" != lab.trial_id)
    code, _, err = at("get", other, "--to", "model")
    assert code == 1
    assert "has no weights to use" in err
    code, _, err = at("get", "ffffff", "--to", "model")
    assert code == 1
    assert "no sweep and no trial" in err
    assert not Path("model").exists()
