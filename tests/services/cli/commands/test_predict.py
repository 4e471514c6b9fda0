"""services/cli/commands/predict.py: what a model sees in image files."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image
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
    Image.radial_gradient("L").save("round.png")
    Image.linear_gradient("L").convert("RGB").resize((90, 40)).save("wide.jpg")
    return lambda *words: run(*words, "--url", lab.url, "--key", KEY)


def test_each_image_has_a_line_with_its_best_classes(at: Run, lab: ServedWeights) -> None:
    code, out, err = at("predict", lab.sweep_id, "round.png", "wide.jpg")
    assert code == 0, err
    lines = out.splitlines()
    assert lines[0].split() == ["image", "class", "then"]
    assert lines[1].startswith("round.png")
    assert lines[2].startswith("wide.jpg")
    assert all("kind " in line and " %" in line for line in lines[1:3])
    found = json.loads(at("predict", lab.trial_id, "round.png", "--json")[1])
    assert found["trial"] == lab.trial_id
    assert sum(each["probability"] for each in found["images"][0]["classes"]) == pytest.approx(1)


def test_what_is_no_image_is_refused_by_its_name(at: Run, lab: ServedWeights) -> None:
    Path("notes.txt").write_text("some notes")
    Path("empty.png").touch()
    for name, said in (
        ("notes.txt", "notes.txt: the image is not a PNG, JPEG, BMP or WebP image"),
        ("empty.png", "empty.png is empty: it has 0 bytes"),
        ("nowhere.png", "nowhere.png cannot be read: No such file"),
    ):
        code, _, err = at("predict", lab.trial_id, name)
        assert code
        assert said in " ".join(err.split())
