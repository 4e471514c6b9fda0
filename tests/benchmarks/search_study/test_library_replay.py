"""What another library's environment is sent, and that its answers are taken."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from made_up_curves import POINTS, made_up, on_paper

from benchmarks.search_study import library_replay
from benchmarks.search_study.library_replay import job, replay_libraries
from benchmarks.search_study.methods import LIBRARIES, LIBRARY_METHODS
from benchmarks.search_study.replayed_sweep import Replayed, seed_of

# A library that trains the point with the choices 1, 2 and stops after `trials` epochs.
LIBRARY = """
from benchmarks.search_study.libraries.curve_table import answer
wanted = {"model.dropout": 2, "train.l2": 1}
answer(lambda table, settings: (settings["trials"], table.point(lambda name, *_: wanted[name])), "3.1")
"""


def test_a_job_goes_through_another_interpreter_and_comes_back() -> None:
    recorded = made_up()
    content = job(recorded, on_paper(recorded), 2, ["optuna-20", "optuna-40-median"])
    ended = subprocess.run(
        [sys.executable, "-c", LIBRARY], input=json.dumps(content), capture_output=True, text=True, check=True
    )
    found = json.loads(ended.stdout)
    assert found == {
        "version": "3.1",
        "methods": {"optuna-20": [[20, 5]] * 2, "optuna-40-median": [[40, 5]] * 2},
    }


def test_a_job_has_the_seeds_that_the_service_sees_too_and_an_order_of_all_points() -> None:
    recorded = made_up()
    content = job(recorded, on_paper(recorded), 2, [])
    points = range(len(POINTS))
    for number, repeat in enumerate(content["repeats"]):
        assert repeat["first"] == [seed_of(number, point, 2) for point in points]
        assert sorted(repeat["order"]) == list(points)
    assert content["repeats"][0]["order"] != content["repeats"][1]["order"]
    assert [each["kind"] for each in content["dimensions"]] == ["steps", "steps"]
    assert content["maximize"]
    assert not job(made_up(goal="minimize"), on_paper(recorded), 1, [])["maximize"]


def test_each_library_is_run_once_and_methods_keep_their_order(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(command: list[str], *, input: str, **_: Any) -> subprocess.CompletedProcess[str]:
        names = json.loads(input)["methods"]
        ran.append(command)
        found = {name: [[len(ran), 4]] for name in names}
        return subprocess.CompletedProcess(
            command, 0, json.dumps({"version": f"{len(ran)}.0", "methods": found})
        )

    ran: list[list[str]] = []
    monkeypatch.setattr(library_replay.subprocess, "run", run)
    recorded = made_up()
    found, versions = replay_libraries(Path("python"), recorded, on_paper(recorded), 1)
    assert [command[2].rpartition(".")[2] for command in ran] == list(LIBRARIES)
    assert list(found) == list(LIBRARY_METHODS)
    assert found["optuna-20"] == [Replayed(2, 4)]
    assert versions == {"Ray": "1.0", "Optuna": "2.0"}


def test_a_library_that_fails_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        library_replay.subprocess, "run", lambda command, **_: subprocess.CompletedProcess(command, 3, "")
    )
    recorded = made_up()
    with pytest.raises(SystemExit, match="asha ended with code 3"):
        replay_libraries(Path("python"), recorded, on_paper(recorded), 1)
