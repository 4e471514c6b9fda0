"""A pack on a GPU waits until it is settled how its convolutions are computed."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from attempt_stage import AttemptStage
from paper_sweep import row_of
from scripted_runner import MACHINE, ScriptedRunner

from services.host import HostDevice
from services.store.models import Pack
from workers.messages import (
    Message,
    Run,
    Stopped,
    UseWays,
    WaysChosen,
)


@pytest.mark.timeout(20)
def test_a_gpu_runner_gets_the_ways_that_are_settled(stage: AttemptStage) -> None:
    """What it has timed itself is settled; the next attempt begins with that, and nothing settles it anew."""
    received: list[Message] = []

    def script(way: str) -> Callable[[ScriptedRunner], object]:
        def play(runner: ScriptedRunner) -> None:
            received.append(runner.receive())
            runner.send(WaysChosen(stage.pack.id, {"conv1": way}))
            received.append(runner.receive())
            runner.send(Stopped(stage.pack.id, None))

        return play

    stage.device = HostDevice("host", "GPU-a", "cuda", "paper")
    stage.lead(ScriptedRunner(MACHINE), script("columns"))
    stage.again()
    stage.lead(ScriptedRunner(MACHINE), script("grouped"))
    first, answer, second, kept = received
    assert isinstance(first, Run)
    assert isinstance(second, Run)
    assert (first.ways, second.ways) == ({}, {"conv1": "columns"})
    assert isinstance(answer, UseWays)
    assert isinstance(kept, UseWays)
    assert answer.ways == kept.ways == {"conv1": "columns"}
    pack = row_of(stage.store, Pack, stage.pack.id)
    assert pack.machine
    assert pack.machine["ways"] == {"conv1": "columns"}
