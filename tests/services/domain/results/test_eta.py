"""Arithmetic of what is to come and of what it cost."""

from __future__ import annotations

import pytest

from services.domain.results.eta import eta_seconds, price


def test_what_is_left_takes_as_long_as_what_is_done() -> None:
    assert eta_seconds(done=10, left=30, busy=5.0, at_once=1) == 15.0
    assert eta_seconds(done=10, left=0, busy=5.0, at_once=1) == 0.0


def test_two_devices_take_half_as_long() -> None:
    assert eta_seconds(done=10, left=30, busy=5.0, at_once=2) == 7.5
    assert eta_seconds(done=10, left=30, busy=5.0, at_once=0) == 15.0


@pytest.mark.parametrize(("done", "busy"), [(0, 5.0), (3, 0.0)])
def test_no_rate_no_estimate(done: int, busy: float) -> None:
    assert eta_seconds(done, 7, busy, 1) is None


def test_a_price_is_in_trials_trained_one_by_one() -> None:
    # 24 trials of 10 s each alone, trained together in 70 s of device time: the price of 7.
    assert price(24, work=70.0, alone=240.0) == pytest.approx(7.0)
    # The same sweep half done.
    assert price(24, work=35.0, alone=120.0) == pytest.approx(7.0)


@pytest.mark.parametrize(("work", "alone"), [(0.0, 1.0), (1.0, 0.0)])
def test_nothing_trained_no_price(work: float, alone: float) -> None:
    assert price(24, work, alone) is None
