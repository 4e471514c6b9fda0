"""A file of points: what it may hold, and where the API's refusals stand in it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from services.cli.errors import CliError
from services.cli.points_file import PointsFile, read_points
from services.client import ApiError


def written(folder: Path, text: str) -> PointsFile:
    path = folder / "points.yaml"
    path.write_text(text)
    return read_points(path)


@pytest.mark.parametrize(
    "text", ["- {lr: 1e-3}\n- lr: 0.1\n  dropout: 0", '[\n\t{"lr": 0.001},\n\t{"lr": 0.1, "dropout": 0}\n]']
)
def test_yaml_and_json_are_read(tmp_path: Path, text: str) -> None:
    assert written(tmp_path, text).points == [{"lr": 0.001}, {"lr": 0.1, "dropout": 0}]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "must be a list of points such as [{model.dropout: 0.1}], got nothing"),
        ("[]", "must list at least one point, got an empty list"),
        ("points: [{lr: 1}]", "must be a list of points such as [{model.dropout: 0.1}], got a mapping"),
        ("- {lr: 1}\n- 3\n", "line 2: points[1] must map names of axes to values, got 3"),
        ("- {lr: .nan}", "[0].lr must be a finite number, got nan"),
        ("- {lr: '${LR}'}", "line 1: the template ${LR} is not filled in"),
        ("- {lr: [", "is not valid YAML"),
    ],
)
def test_what_is_no_list_of_points_is_refused(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(CliError) as caught:
        written(tmp_path, text)
    assert words in str(caught.value)
    assert caught.value.code == 2


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ({"pointer": "/points/1/train.lr", "detail": "no"}, ", line 2: points[1].train.lr: no"),
        ({"pointer": "/points/0", "detail": "no"}, ", line 1: points[0]: no"),
        ({"pointer": "/points", "detail": "no"}, ", line 1: points: no"),
        ({"pointer": "/epochs", "detail": "no"}, "/epochs: no"),
        ({"pointer": "", "detail": "no"}, "no"),
    ],
)
def test_a_refusal_stands_at_its_line(tmp_path: Path, fault: dict[str, Any], words: str) -> None:
    file = written(tmp_path, "- {train.lr: 1}\n- {train.lr: 2}\n")
    refusal = str(file.refused(ApiError({"status": 422, "detail": "", "errors": [fault]})))
    assert refusal == (f"{tmp_path / 'points.yaml'}{words}" if words.startswith(",") else words)


def test_what_is_about_no_place_stays_as_it_is(tmp_path: Path) -> None:
    error = ApiError({"status": 409, "detail": "the sweep is active"})
    assert str(written(tmp_path, "- {lr: 1}").refused(error)) == str(error)
