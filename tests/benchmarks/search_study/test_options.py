"""The command line of the study."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.search_study import __main__ as study


def test_without_a_part_all_follow_one_another(monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    monkeypatch.setattr(study.recording, "record", lambda names: done.append(f"record {len(names)}"))
    monkeypatch.setattr(study.replays, "replay_all", lambda python: done.append(f"replay {python}"))
    monkeypatch.setattr(study.wall, "measure", lambda python: done.append(f"wall {python}"))
    monkeypatch.setattr(study, "report", lambda: done.append("report"))
    monkeypatch.setattr(study.environment, "make", lambda folder: "made")
    monkeypatch.setattr(study.sys, "argv", ["study"])
    study.main()
    monkeypatch.setattr(study.sys, "argv", ["study", "wall", "--python", "other"])
    study.main()
    assert done == ["record 2", "replay made", "wall made", "report", "wall other"]


@pytest.mark.parametrize("words", ["take", "take grid81", "take grid9 abc", "measure"])
def test_take_needs_a_space_and_a_sweep(words: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        study.options(words.split())
    assert "error" in capsys.readouterr().err
    assert study.options(["take", "grid81", "abc"]).sweep == "abc"


def test_curves_are_taken_from_the_service_of_the_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CNNLAB_URL", raising=False)
    monkeypatch.setattr(study.sys, "argv", ["study", "take", "grid81", "abc"])
    with pytest.raises(SystemExit, match="no API to connect to"):
        study.main()
    taken: list[tuple[str, ...]] = []
    monkeypatch.setenv("CNNLAB_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("CNNLAB_API_KEY", "key")
    monkeypatch.setattr(study.recording, "take", lambda client, *names: taken.append(names))
    study.main()
    assert taken == [("abc", "grid81")]
