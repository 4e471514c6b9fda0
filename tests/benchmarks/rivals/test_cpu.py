"""Processor seconds: kinds of processes by their command lines, and what was used between two readings."""

from __future__ import annotations

import multiprocessing
import os
import select
import subprocess
import sys
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
        ([*PYTHON, "services.model_export.writer", ""], [*PYTHON, "services.upkeep"], "upkeep"),
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


@pytest.mark.parametrize("sampled", [False, True])
def test_a_program_that_writes_a_model_counts_once_it_has_ended_as_upkeep_s(sampled: bool) -> None:
    program = "import time\nwhile time.process_time() < 0.4: pass"
    code = (
        "import subprocess, sys\n"
        "for line in sys.stdin:\n"
        f"    subprocess.run([sys.executable, '-c', {program!r}, 'cnnlab.model_folder'])\n"
        "    print()"
    )
    command = [sys.executable, "-u", "-c", code, "services.model_export.writer"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as writer:
        assert writer.stdin is not None
        assert writer.stdout is not None
        meter = Meter(writer.pid)
        before = meter.by_kind()
        writer.stdin.write(b"\n")
        writer.stdin.flush()
        while sampled and not select.select([writer.stdout], [], [], 0.01)[0]:
            meter.sample()
        writer.stdout.readline()
        used = since(before, meter.by_kind())
    assert used.keys() == {"upkeep"}
    assert 0.4 <= used["upkeep"] < 0.7
