"""The file of replays: written as it is read, and refused where the curves have changed."""

from __future__ import annotations

from pathlib import Path

import pytest
from made_up_curves import made_up

from benchmarks.search_study import replays
from benchmarks.search_study.methods import LIBRARY_METHODS, METHODS
from benchmarks.search_study.recorded_curves import SPACES, read_all
from benchmarks.search_study.replayed_sweep import Replayed
from benchmarks.search_study.replays import SpaceReplays, digest, read, write


def replayed(folder: Path) -> dict[str, SpaceReplays]:
    made_up().write(folder / "grid81.json")
    methods = {"grid": [Replayed(81, 8), Replayed(81, 7)], "halving-3": [Replayed(21, 8), Replayed(21, 8)]}
    return {"grid81": SpaceReplays("2026-01-02", digest(folder / "grid81.json"), {"Ray": "2.0"}, methods)}


def test_a_file_is_read_as_it_was_written(tmp_path: Path) -> None:
    found = replayed(tmp_path)
    write(found, tmp_path / "replays.json")
    assert read(tmp_path / "replays.json", tmp_path) == found


def test_replays_of_other_curves_are_refused(tmp_path: Path) -> None:
    write(replayed(tmp_path), tmp_path / "replays.json")
    made_up(seeds=3).write(tmp_path / "grid81.json")
    with pytest.raises(SystemExit, match="was replayed on other curves"):
        read(tmp_path / "replays.json", tmp_path)
    with pytest.raises(SystemExit, match="is missing: replay first"):
        read(tmp_path / "none.json", tmp_path)


def test_without_curves_nothing_is_replayed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replays, "read_all", dict)
    with pytest.raises(SystemExit, match="has no curves: record them first"):
        replays.replay_all(Path("python"))


def test_the_recorded_replays_are_of_all_methods_on_all_spaces() -> None:
    found, recorded = read(), read_all()
    assert found.keys() == recorded.keys() == SPACES.keys()
    for name, space in found.items():
        assert list(space.methods) == [*METHODS, *LIBRARY_METHODS]
        assert {len(repeats) for repeats in space.methods.values()} == {replays.REPEATS}
        assert {each.epochs for each in space.methods["grid"]} == {recorded[name].grid_epochs}
