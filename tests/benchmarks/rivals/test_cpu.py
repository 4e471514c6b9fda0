"""Processor seconds: kinds of processes by their command lines, and what was used between two readings."""

from __future__ import annotations

import multiprocessing
import os
import time

import pytest

from benchmarks.rivals.cpu import Meter, kind, since

PYTHON = ["python", "-P", "-m"]


@pytest.mark.parametrize(
    ("command", "parent", "named"),
    [
        ([*PYTHON, "workers"], [*PYTHON, "benchmarks.rivals.service"], "Celery main"),
        ([*PYTHON, "workers"], [*PYTHON, "workers"], "supervisors"),
        ([*PYTHON, "workers.runner"], [*PYTHON, "workers"], "runners"),
        ([*PYTHON, "uvicorn", "--factory", "services.api.app:from_environment"], [], "API"),
        ([*PYTHON, "services.upkeep"], [], "upkeep"),
        ([*PYTHON, "mlflow", "server"], [], "MLflow server"),
        (["/opt/valkey-server", "/tmp/valkey.conf"], [], "Valkey"),
        ([*PYTHON, "services.stack.template", "3", "-" * 99], [], "template"),
        ([*PYTHON, "workers", "", ""], [*PYTHON, "benchmarks.rivals.service"], "Celery main"),
        ([*PYTHON, "benchmarks.rivals.service"], [], "client and stack"),
        (["sleep", "1"], [], "other"),
    ],
)
def test_kinds(command: list[str], parent: list[str], named: str) -> None:
    assert kind(command, parent) == named


def test_since_is_the_difference() -> None:
    assert since({"API": 1.0, "upkeep": 2.0}, {"API": 1.5, "upkeep": 2.0, "runners": 3.0}) == {
        "runners": 3.0,
        "API": 0.5,
    }


def burn(seconds: float) -> None:
    while time.process_time() < seconds:
        pass


def test_a_child_that_ended_still_counts() -> None:
    meter = Meter(os.getpid())
    before = sum(meter.by_kind().values())
    child = multiprocessing.get_context("fork").Process(target=burn, args=(0.3,))
    child.start()
    while child.is_alive():
        meter.sample()
        time.sleep(0.02)
    child.join()
    assert sum(meter.by_kind().values()) - before >= 0.2
