"""workers/listeners/speed_recorder.py: which speeds reach SQL, and when a plain loop is measured."""

from __future__ import annotations

from dataclasses import replace

import pytest
from scripted_runner import ENGINE, MACHINE

from services.store import speeds
from services.store.session import Store
from workers.known_speeds import KnownSpeeds
from workers.listeners.speed_recorder import SpeedRecorder
from workers.messages import EpochDone, FinalResult, Run, RunRow, SpeedMeasured, Stopped
from workers.run_message import LeasedPack

ROWS = tuple(RunRow(row, f"trial-{row}", {}, 0, 0, None) for row in range(2))
RUN = Run("p", "cpu", "f", 4, 0, 2, True, 0, "val/acc", "maximize", False, 0, None, ROWS)


@pytest.fixture
def recorder(sqlite_store: Store) -> SpeedRecorder:
    return SpeedRecorder(KnownSpeeds(sqlite_store), LeasedPack("s", "key", RUN))


def epoch(number: int, images_per_s: float) -> EpochDone:
    final = {0: FinalResult("file", {})} if number == RUN.target_epoch else {}
    return EpochDone("p", number, {0: {}}, {}, (), None, final, 1, 1, images_per_s, ENGINE)


def recorded(store: Store) -> set[tuple[str, int, float]]:
    found = store.read(lambda session: speeds.of_shapes(session, ["key"]))
    return {(speed.machine, speed.width, speed.images_per_s) for speed in found}


def test_a_plain_loop_is_measured_once_per_kind_of_machine(
    recorder: SpeedRecorder, sqlite_store: Store
) -> None:
    assert recorder.before_run(RUN, MACHINE).measure
    recorder.on_message(SpeedMeasured("p", 50.0))
    recorder.on_message(Stopped("p", None))
    assert recorded(sqlite_store) == {("paper", speeds.PLAIN, 50.0)}
    assert not recorder.before_run(RUN, MACHINE).measure


def test_one_of_two_workers_measures(recorder: SpeedRecorder, sqlite_store: Store) -> None:
    other = SpeedRecorder(KnownSpeeds(sqlite_store), LeasedPack("s", "key", RUN))
    asked = [each.before_run(RUN, MACHINE).measure for each in (recorder, other, recorder, other)]
    assert asked == [True, False, False, False]


def test_a_trial_that_is_alone_is_not_compared(recorder: SpeedRecorder) -> None:
    assert not recorder.before_run(replace(RUN, rows=ROWS[:1]), MACHINE).measure
    assert recorder.before_run(RUN, MACHINE).measure


def test_the_array_s_speed_is_that_of_its_last_epoch(recorder: SpeedRecorder, sqlite_store: Store) -> None:
    recorder.before_run(RUN, MACHINE)
    recorder.on_epoch(epoch(1, 100.0))
    assert recorded(sqlite_store) == set()
    recorder.on_epoch(epoch(2, 200.0))
    assert recorded(sqlite_store) == {("paper", 4, 200.0)}
