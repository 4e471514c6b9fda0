"""services/tracking/duty_cycle.py."""

from __future__ import annotations

import pytest

from services.tracking.duty_cycle import DutyCycle


class Clock:
    """A clock that the test moves."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_work_stays_within_its_share_of_the_time() -> None:
    clock = Clock()
    duty = DutyCycle(0.03, 0.0, 1000.0, clock)
    began, worked = clock.now, 0.0
    for step in range(5000):
        if duty.is_rested():
            with duty.working():
                clock.now += 0.1 + step % 7 / 10
                worked += 0.1 + step % 7 / 10
        clock.now += 1.0
    assert 0.025 < worked / (clock.now - began) < 0.03


def test_it_begins_rested_and_short_work_is_rare_nevertheless() -> None:
    clock = Clock()
    duty = DutyCycle(0.5, 10.0, 1000.0, clock)
    assert duty.is_rested()
    with duty.working():
        clock.now += 1.0
    clock.now = 1009.9
    assert not duty.is_rested()
    clock.now = 1010.0
    assert duty.is_rested()


def test_work_that_fails_counts() -> None:
    clock = Clock()
    duty = DutyCycle(0.25, 0.0, 1000.0, clock)

    def work() -> None:
        with duty.working():
            clock.now += 2.0
            raise ValueError("no answer")

    with pytest.raises(ValueError, match="no answer"):
        work()
    clock.now += 5.9
    assert not duty.is_rested()
    clock.now += 0.2
    assert duty.is_rested()


def test_after_long_work_it_rests_no_longer_than_the_most() -> None:
    clock = Clock()
    duty = DutyCycle(0.03, 0.0, 30.0, clock)
    with duty.working():
        clock.now += 100.0
    clock.now += 29.9
    assert not duty.is_rested()
    clock.now += 0.2
    assert duty.is_rested()
