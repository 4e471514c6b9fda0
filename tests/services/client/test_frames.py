"""services/client/frames.py: the API's tables as frames, each column of one type."""

from __future__ import annotations

import math
import sys
from pathlib import Path

import pandas
import pytest

from services.client.frames import MissingFrames, table, write_parquet

ROWS = [
    {
        "trial": "3f-0000", "number": 0, "state": "succeeded", "width": "nan", "mixed": 1, "maps": [6, 16],
        "train.optimizer": "adam", "best_value": 0.5, "started_at": "2026-01-02T03:04:05Z", "message": "nan",
    },
    {
        "trial": "3f-0001", "number": 1, "state": "failed", "width": "-inf", "mixed": "two", "maps": [8],
        "train.optimizer": {"name": "sgd", "lr": 0.1}, "best_value": None, "started_at": None,
    },
]  # fmt: skip


def test_each_column_has_a_type_of_its_own() -> None:
    frame = table(ROWS)
    assert list(frame["number"]) == [0, 1]
    assert frame["best_value"].tolist()[0] == 0.5
    assert math.isnan(frame["best_value"].tolist()[1])
    assert math.isnan(frame["width"].tolist()[0])
    assert frame["width"].tolist()[1] == -math.inf
    assert frame["train.optimizer"].tolist() == ["adam", "sgd"]
    assert frame["maps"].tolist() == ["[6, 16]", "[8]"]
    assert frame["mixed"].tolist() == ["1", "two"]
    assert str(frame["started_at"].iloc[0]) == "2026-01-02 03:04:05+00:00"
    assert frame["started_at"].isna().tolist() == [False, True]
    assert frame["message"].tolist()[0] == "nan", "a text is no number"


@pytest.mark.parametrize(
    ("objects", "shown"),
    [
        ([{"strength": 0, "scope": "all"}, {"strength": 0.5, "scope": "all"}], [0, 0.5]),
        ([{"name": "adam", "lr": 1}, {"name": "sgd", "lr": 2, "x": 3}], ["adam", "sgd"]),
        ([{"name": "adam", "lr": 1}, {"name": "adam", "lr": 2}], [1, 2]),
        (
            [{"name": "adam", "lr": 1, "b": 1}, {"name": "adam", "lr": 2, "b": 2}],
            ['{"name": "adam", "lr": 1, "b": 1}', '{"name": "adam", "lr": 2, "b": 2}'],
        ),
        ([{"name": "adam"}, {"name": "adam"}], ["adam", "adam"]),
    ],
    ids=["strength", "names", "one field", "several", "equal"],
)
def test_an_object_is_what_tells_it_apart(objects: list[dict[str, object]], shown: list[object]) -> None:
    assert table([{"axis": each} for each in objects])["axis"].tolist() == shown


def test_without_rows_there_is_an_empty_frame() -> None:
    assert len(table([])) == 0
    frame = table([], ["number", "epoch", "at", "val/acc"])
    assert list(frame.columns) == ["number", "epoch", "at", "val/acc"]
    assert str(frame["at"].dtype).endswith("UTC]")
    assert frame.pivot(index="epoch", columns="number", values="val/acc").shape == (0, 0)


def test_it_goes_through_parquet_unchanged(tmp_path: Path) -> None:
    frame = table(ROWS)
    write_parquet(frame, str(tmp_path / "a.parquet"))
    pandas.testing.assert_frame_equal(pandas.read_parquet(tmp_path / "a.parquet"), frame)


def test_missing_packages_name_their_role(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    frame = table(ROWS)
    with monkeypatch.context() as without:
        without.setitem(sys.modules, "pandas", None)
        with pytest.raises(
            MissingFrames, match=r"frames need pandas: install the role, pip install '.\[frames\]'"
        ):
            table(ROWS)
    monkeypatch.setattr(frame.__class__, "to_parquet", lambda *_, **__: (_ for _ in ()).throw(ImportError()))
    with pytest.raises(MissingFrames, match="Parquet needs pyarrow"):
        write_parquet(frame, str(tmp_path / "b.parquet"))
