"""Failures: who is to blame, and who gets another attempt."""

from __future__ import annotations

import pytest

from services.domain.retry import CRASH_BUDGET, HOST_DELAY, LOST_BUDGET, Failure, Record, Verdict, judge

CLEAN = Record(crashes=0, losses=0, most_alive=None)


def test_a_crash_in_company_blames_nobody_and_halves_the_company() -> None:
    verdict = judge(Failure.CRASHED, CLEAN, alive=9)
    assert verdict.again
    assert verdict.record == Record(crashes=0, losses=0, most_alive=4)


def test_a_poisonous_trial_ends_alone_after_its_budget() -> None:
    record, alive, attempts = CLEAN, 8, 0
    while True:
        attempts += 1
        verdict = judge(Failure.CRASHED, record, alive)
        record, alive = verdict.record, min(alive, verdict.record.most_alive or alive)
        if not verdict.again:
            break
    assert record.crashes == CRASH_BUDGET
    assert attempts == 3 + CRASH_BUDGET  # 8 → 4 → 2 → 1, then three times alone


def test_a_lack_of_memory_halves_the_rows_that_an_array_may_have_as_a_crash_halves_those_alive() -> None:
    crowded = judge(Failure.MEMORY, Record(0, 0, None, 3), alive=64)
    assert (crowded.again, crowded.delay, crowded.record) == (True, 0, Record(0, 0, 32, 3))
    assert judge(Failure.MEMORY, Record(0, 0, 1), alive=1) == judge(Failure.CRASHED, Record(0, 0, 1), alive=1)


def test_delays_grow() -> None:
    alone = [judge(Failure.CRASHED, Record(n, 0, 1), 1).delay for n in range(CRASH_BUDGET - 1)]
    assert alone == [10, 20]


def test_a_lost_host_has_its_own_budget_and_halves_from_the_second_time_on() -> None:
    first = judge(Failure.LOST, CLEAN, alive=8)
    assert (first.again, first.record) == (True, Record(0, 1, None, 1))
    assert judge(Failure.LOST, first.record, alive=8).record.most_alive == 4
    assert not judge(Failure.LOST, Record(0, LOST_BUDGET - 1, 1), alive=1).again


def test_what_a_retry_cannot_mend_is_final() -> None:
    assert not judge(Failure.SPEC, CLEAN, 4).again
    assert not judge(Failure.DIVERGED, CLEAN, 4).again


def test_giving_back_after_progress_is_free() -> None:
    assert judge(Failure.PREEMPTED, Record(1, 2, 3, 7), 4, progressed=True) == Verdict(
        again=True, delay=0, record=Record(1, 2, 3, 0)
    )
    assert judge(Failure.DAMAGED, CLEAN, 4) == judge(Failure.PREEMPTED, CLEAN, 4)


@pytest.mark.parametrize("failure", [Failure.PREEMPTED, Failure.DAMAGED, Failure.LOST])
def test_attempts_without_progress_follow_more_and_more_slowly(failure: Failure) -> None:
    record, delays = CLEAN, []
    for _ in range(8):
        verdict = judge(failure, record, 4)
        assert verdict.again
        record = verdict.record
        delays.append(verdict.delay)
    assert delays == [0, 5, 10, 20, 40, 60, 60, 60]
    assert record.fruitless == 8


def test_a_crash_is_no_attempt_in_vain_but_progress_ends_the_row() -> None:
    assert judge(Failure.CRASHED, Record(0, 0, None, 3), 4).record.fruitless == 3
    assert judge(Failure.CRASHED, Record(0, 0, None, 3), 4, progressed=True).record.fruitless == 0


def test_a_broken_host_blames_no_trial_but_is_not_tried_without_end() -> None:
    verdict = judge(Failure.HOST, CLEAN, alive=8)
    assert (verdict.again, verdict.record) == (True, Record(0, 1, None, 1))
    assert verdict.delay == HOST_DELAY
    assert not judge(Failure.HOST, Record(0, LOST_BUDGET - 1, None), alive=8).again


def test_a_loss_keeps_what_crashes_have_halved() -> None:
    assert judge(Failure.LOST, Record(2, 0, 3), alive=3).record == Record(2, 1, 3, 1)
    assert judge(Failure.HOST, Record(2, 1, 3), alive=3).record == Record(2, 2, 3, 1)
    assert judge(Failure.CRASHED, Record(1, 4, 8), alive=5).record == Record(1, 4, 2)


@pytest.mark.parametrize("failure", Failure)
def test_a_verdict_that_is_final_has_no_delay(failure: Failure) -> None:
    verdict = judge(failure, Record(CRASH_BUDGET - 1, LOST_BUDGET - 1, 1), alive=1)
    assert verdict.again == (failure in (Failure.PREEMPTED, Failure.DAMAGED))
    assert verdict.delay == 0
