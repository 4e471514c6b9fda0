"""The benchmark of the control plane: its sweeps, its runner and its table. Its servers are not started."""

from __future__ import annotations

from math import prod

import pytest
from scripted_runner import ScriptedRunner

from benchmarks.control import scripted_runner, scripted_worker
from benchmarks.control_plane import Result, cost_line, line, spec
from workers import runner
from workers.messages import EpochDone, Go, Prepared, Run, RunRow


@pytest.mark.parametrize("trials", [1, 7, 100, 2000])
def test_a_sweep_has_as_many_points_as_trials_are_asked_for(trials: int) -> None:
    space = spec(trials)["space"]
    assert prod(map(len, space.values())) == trials
    assert all(len(set(axis)) == len(axis) for axis in space.values())


def test_the_scripted_runner_reports_every_epoch_of_every_row() -> None:
    pipes = ScriptedRunner(None)
    rows = tuple(RunRow(row, f"trial-{row}", {}, 0, 0, None) for row in range(2))
    run = Run("p", "cpu", "f", 2, 0, 2, True, 0, "val/acc", "maximize", False, 0, None, rows)
    pipes.wire.send(Go("p"))  # for the end of the first epoch
    scripted_runner.train(run, pipes.own)
    assert isinstance(pipes.wire.receive(), Prepared)
    first, last = pipes.wire.receive(), pipes.wire.receive()
    assert isinstance(first, EpochDone)
    assert isinstance(last, EpochDone)
    assert (first.final, sorted(last.final), last.metrics[1]["val/acc"]) == ({}, [0, 1], 0.75)


def test_the_table_shows_rates_waits_and_processor_time() -> None:
    result = Result(80, 10, 2.0, {"API": 0.4, "Redis": 0.1}, (0.001, 0.003, 0.002), 0.05)
    assert line("x", result) == "| x | 80 | 5 | 40 | 2 ms, 2 ms, 3 ms | 0.05 s |"
    assert cost_line("x", result, ["API", "runner", "Redis"]) == "| x | 5.00 |  | 1.25 | 6.25 | 40 |"


def test_the_scripted_worker_names_the_module_that_a_worker_starts() -> None:
    assert runner.__name__ == scripted_worker.runner_start.MODULE
