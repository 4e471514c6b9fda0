"""Files of indices: read in three formats, and refused with the line."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cnnlab.data import DataError
from cnnlab.errors import ConfigError
from cnnlab.files import index_file


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CNNLAB_DATA", str(tmp_path))
    return tmp_path


def write(folder: Path, name: str, content: Any) -> dict[str, str]:
    path = folder / name
    if name.endswith(".npy"):
        np.save(path, content)
    elif isinstance(content, bytes):
        path.write_bytes(content)
    else:
        path.write_text(content if isinstance(content, str) else json.dumps(content))
    return index_file.complete(name)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("v.json", [7, 0, 3]),
        ("v.txt", "7\n\n# the first image\n 0 # black\n3\n"),
        ("v.npy", np.array([7, 0, 3], np.int32)),
    ],
)
def test_three_formats_hold_the_same(folder: Path, name: str, content: Any) -> None:
    assert index_file.read(write(folder, name, content), 8).tolist() == [0, 3, 7]


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("v.json", [0, 8], "v.json: value 2 of the list must be an index .* from 0 to 7; got 8"),
        ("v.txt", "0\n1\n-1\n", "line 3 must be .* got -1"),
        ("v.txt", "0\n1.0\n", "line 2 must be .* got '1.0'"),
        ("v.txt", "0\nsix\n", "line 2 must be .* got 'six'"),
        ("v.json", [0, True], "value 2 .* got True"),
        ("v.json", [0, 1.5], "value 2 .* got 1.5"),
        ("v.json", [1, 2, 1], "value 3 of the list must be a new index; value 1 of the list is 1, too"),
        ("v.txt", "1\n\n1\n", "line 3 must be a new index; line 1 is 1, too"),
        ("v.json", [], "must hold the index of at least one training image, got none"),
        ("v.txt", "# none\n", "at least one training image, got none"),
        ("v.json", list(range(8)), "must leave images to train on, got the indices of all 8"),
        ("v.json", {"val": [1]}, "must be a list of integers in JSON, got dict"),
        ("v.json", "[1,\n2,,]", "must be a list of integers in JSON: .*line 2"),
        ("v.json", "[" * 100_000, "must be a list of integers in JSON"),
        ("v.txt", b"\xff\xfe1", "must be text in UTF-8"),
        ("v.npy", np.array([1.0]), r"array of integers \(V,\), got float64 of shape \(1,\)"),
        ("v.npy", np.array([True, False]), "got bool .*np.flatnonzero"),
        ("v.npy", np.array([[1]]), r"got int64 of shape \(1, 1\)"),
    ],
)  # fmt: skip
def test_a_wrong_file_is_refused_in_one_sentence(folder: Path, name: str, content: Any, words: str) -> None:
    with pytest.raises(DataError, match=words):
        index_file.read(write(folder, name, content), 8)


def test_a_damaged_array_is_refused(folder: Path) -> None:
    (folder / "v.npy").write_bytes(b"\x93NUMPY\x01")
    with pytest.raises(DataError, match=r"v\.npy is damaged or not an \.npy"):
        index_file.read(index_file.complete("v.npy"), 8)


@pytest.mark.parametrize(
    ("written", "words"),
    [
        (3, "validation_indices: must be a path, or an object with path and sha256; got 3"),
        ("a\n.json", "validation_indices: must be a text without control characters"),
        ("v.csv", "must be a path that ends with .json"),
        ("", "must be a path that ends with"),
        ("none.json", "none.json is not below CNNLAB_DATA"),
        ("../v.json", "below CNNLAB_DATA"),
        ({"file": "v.json"}, "must be a path, or an object with path and sha256; got 'file'"),
        ({"path": "v.json", "sha256": "7"}, "64 lower-case hexadecimal digits"),
    ],
)
def test_what_names_no_file_is_refused_at_the_field(folder: Path, written: Any, words: str) -> None:
    write(folder, "v.json", [1])
    with pytest.raises(ConfigError, match=words) as caught:
        index_file.complete(written)
    assert caught.value.path.startswith("data.validation_indices")


def test_other_content_than_planned_is_refused(folder: Path) -> None:
    planned = write(folder, "v.json", [1])
    assert index_file.complete(planned) == planned
    write(folder, "v.json", [1, 2])
    with pytest.raises(DataError, match=r"v\.json has SHA-256 .* planned with"):
        index_file.read(planned, 8)
