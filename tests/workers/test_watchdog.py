"""workers/watchdog.py: what counts as progress, and how long a runner may be without it."""

from __future__ import annotations

import pytest
from scripted_runner import ENGINE

from services.settings import Settings
from workers.messages import EpochDone, Prepared, SpeedMeasured, StepsDone
from workers.watchdog import Watchdog

FLOOR, START, FACTOR = 300.0, 1800.0, 10.0


class Watched:
    """A watchdog that looks every half second of a clock that the test holds."""

    def __init__(self, settings: Settings, speed: float | None) -> None:
        self.now = 1000.0
        self.images: list[int] = []
        self.speed = speed
        self.watchdog = Watchdog(settings, self._seconds, lambda: self.now)

    def _seconds(self, images: int) -> float | None:
        self.images.append(images)
        return self.speed

    def stands_still(self, seconds: float) -> str | None:
        """Let so many seconds pass, look by look; what the watchdog says at the end."""
        for _ in range(int(seconds * 2)):
            self.now += 0.5
            if said := self.watchdog.stalled():
                return said
        return None

    def epoch(self, seconds: float, number: int = 1) -> None:
        """An epoch of this length is reported, and the runner may go on."""
        busy = round(seconds * 1000)
        self.watchdog.on_message(
            EpochDone("p", number, {}, {}, (), None, {}, busy, busy, images_per_s=1.0, engine=ENGINE)
        )


@pytest.fixture
def watched(sqlite_settings: Settings) -> Watched:
    """A pack whose speed nobody has measured."""
    return Watched(sqlite_settings, None)


def test_the_defaults_are_generous(sqlite_settings: Settings) -> None:
    found = sqlite_settings.stall_floor, sqlite_settings.stall_start, sqlite_settings.stall_factor
    assert found == (FLOOR, START, FACTOR)


def test_a_hang_before_the_first_epoch_has_a_limit_of_its_own(watched: Watched) -> None:
    assert watched.stands_still(START) is None
    assert watched.stands_still(1) == "no progress for 1800 s, before its first epoch"


def test_what_a_download_prints_is_progress_and_what_a_training_prints_is_none(
    watched: Watched,
) -> None:
    for _ in range(3):
        assert watched.stands_still(START - 10) is None
        watched.watchdog.on_output()
    watched.watchdog.on_message(Prepared("p", 500))
    watched.epoch(1)
    assert watched.stands_still(FLOOR - 10) is None
    watched.watchdog.on_output()
    assert watched.stands_still(11) == "no progress for 300 s; an epoch was expected to take 1 s"


def test_a_speed_that_was_measured_before_gives_the_expected_time(sqlite_settings: Settings) -> None:
    watched = Watched(sqlite_settings, 60.0)
    watched.watchdog.on_message(Prepared("p", 500))
    assert watched.images == [500]
    assert watched.stands_still(FACTOR * 60) is None
    assert watched.stands_still(1) == "no progress for 600 s; an epoch was expected to take 60 s"


def test_without_a_measured_speed_the_first_epoch_has_the_time_of_the_start(watched: Watched) -> None:
    watched.watchdog.on_message(Prepared("p", 500))
    assert watched.stands_still(START) is None
    said = watched.stands_still(1)
    assert said == "no progress for 1800 s; the length of an epoch was not known yet"


def test_a_short_epoch_has_the_floor_and_the_longest_one_counts(watched: Watched) -> None:
    watched.epoch(50)
    watched.epoch(2, number=2)
    assert watched.stands_still(FACTOR * 50) is None
    assert watched.stands_still(1) is not None


def test_steps_of_a_long_epoch_are_progress_and_a_step_that_comes_again_is_none(watched: Watched) -> None:
    watched.epoch(1)
    for steps in range(5):
        watched.watchdog.on_message(StepsDone("p", 2, steps))
        assert watched.stands_still(FLOOR - 1) is None
    watched.watchdog.on_message(StepsDone("p", 2, 4))
    assert watched.stands_still(2) is not None


def test_any_other_message_is_progress(watched: Watched) -> None:
    watched.epoch(1)
    assert watched.stands_still(FLOOR - 1) is None
    watched.watchdog.on_message(SpeedMeasured("p", 3.0))
    assert watched.stands_still(FLOOR - 1) is None


def test_time_in_which_the_supervisor_stood_still_itself_does_not_count(watched: Watched) -> None:
    watched.epoch(1)
    watched.now += 10_000
    assert watched.watchdog.stalled() is None
    assert watched.stands_still(FLOOR - 2) is None
    assert watched.stands_still(2) is not None
