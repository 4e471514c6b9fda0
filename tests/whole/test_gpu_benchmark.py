"""benchmarks/gpu/: the parts that train over HTTP, in short and in a laboratory that other tests use."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from whole_lab import Lab

from benchmarks import books
from benchmarks.gpu import killed_runner, thousand_trials
from benchmarks.gpu.setting import Setting
from benchmarks.gpu.thousand_trials import thousand

SHORT = Setting("cpu", 0.1, short=True)


class LabStack:
    """What the parts use of a stack."""

    def __init__(self, lab: Lab) -> None:
        self.mlflow = lab.settings.mlflow_url
        self.folder = type("Folder", (), {"root": lab.settings.files})

    def keep_alive(self) -> None: ...


@pytest.fixture(autouse=True)
def instead(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """A laboratory has no log of MLflow's requests, and SQL of another kind."""

    @contextmanager
    def running(workers: int) -> Iterator[Any]:
        yield LabStack(lab), lab.client

    monkeypatch.setattr(books, "running", running)
    monkeypatch.setattr(books, "requests", lambda stack: Counter())
    monkeypatch.setattr(thousand_trials, "timeline", lambda database: {"database": database.name})


def test_a_grid_is_trained_and_its_runner_is_killed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only on paper: what a lost runner costs is tested elsewhere, and takes long."""
    killed: list[bool] = []
    monkeypatch.setattr(killed_runner, "kill_runner", lambda: killed.append(True) or True)
    found = killed_runner.service(SHORT)
    assert (found["state"], found["runner killed"], found["trials"]["succeeded"]) == ("succeeded", True, 4)
    assert killed == [True]
    assert 0 < found["final after s"] <= found["in MLflow after s"]


def test_a_grid_is_timed_to_the_last_run_in_mlflow() -> None:
    found = thousand(SHORT)
    assert (found["runs in MLflow"], found["trials"]["succeeded"]) == ("6 of 6", 6)
    assert found["last in MLflow, s"] > 0
    assert found["database"] == "state.db"
