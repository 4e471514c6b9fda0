"""services/figures/best_weights.py."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from services.figures import best_weights


def test_the_first_layer_is_the_one_that_the_file_names(tmp_path: Path) -> None:
    path = tmp_path / "t0.safetensors"
    first = np.arange(36, dtype=np.float32).reshape(4, 1, 3, 3)
    metadata = {
        "image": json.dumps((1, 8, 8)),
        "first_layer": "conv1.weight",
        "confusion_part": "val",
        "confusion": json.dumps([[9, 1], [3, 7]]),
        "class_names": json.dumps(["big cats", "kleine Hünde"]),
    }
    save_file({"another.weight": np.zeros((2, 2)), "conv1.weight": first}, path, metadata)
    found = best_weights.read(path)
    assert np.array_equal(found.first, first)
    assert (found.image, found.part, found.confusion) == ((1, 8, 8), "val", [[9, 1], [3, 7]])
    assert found.class_names == ["big cats", "kleine Hünde"]


def test_what_the_file_does_not_contain_is_none(tmp_path: Path) -> None:
    path = tmp_path / "t0.safetensors"
    save_file({"weight": np.zeros(3)}, path)
    assert best_weights.read(path) == best_weights.BestWeights(None, None, None, None)


def test_a_damaged_file_is_a_value_error(tmp_path: Path) -> None:
    path = tmp_path / "t0.safetensors"
    path.write_bytes(b"weights")
    with pytest.raises(ValueError, match="header"):
        best_weights.read(path)


@pytest.mark.parametrize("name", ["../secret", "packs/../../secret", "link", "{outside}", "none", ""])
def test_a_file_is_found_only_within_the_folder(tmp_path: Path, name: str) -> None:
    folder, outside = tmp_path / "files", tmp_path / "secret"
    (folder / "packs").mkdir(parents=True)
    outside.write_text("x")
    (folder / "link").symlink_to(outside)
    (folder / "packs" / "best").write_text("x")
    assert best_weights.path(folder, name.format(outside=outside)) is None
    assert best_weights.path(folder, "packs/best") == folder / "packs" / "best"
