"""services/tracking/side_by_side.py"""

from __future__ import annotations

import threading
import time
from collections import deque

import pytest

from services.tracking.side_by_side import use_up


def never() -> bool:
    return False


def test_each_item_is_worked_on_once_by_several_threads_at_once() -> None:
    items, done = deque(range(30)), list[int]()
    together = threading.Barrier(3)

    def work(item: int) -> None:
        if item < 3:
            together.wait(20)  # only three threads get past it
        done.append(item)

    use_up(items, work, never, 3)
    assert (sorted(done), list(items)) == (list(range(30)), [])


def test_one_thread_keeps_the_order() -> None:
    items, done = deque(range(9)), list[int]()
    use_up(items, done.append, never, 1)
    assert done == list(range(9))


def test_what_is_not_begun_when_the_time_is_over_stays() -> None:
    items, done = deque(range(9)), list[int]()
    use_up(items, done.append, lambda: len(done) >= 4, 1)
    assert list(items) == [4, 5, 6, 7, 8]


def test_nothing_is_begun_after_a_failure_which_is_raised() -> None:
    items, done = deque(range(9)), list[int]()

    def work(item: int) -> None:
        if item == 2:
            raise ValueError("two")
        done.append(item)

    with pytest.raises(ValueError, match="two"):
        use_up(items, work, never, 1)
    assert (done, list(items)) == ([0, 1], [3, 4, 5, 6, 7, 8])


def test_a_failure_in_one_thread_ends_the_others_with_what_they_have_begun() -> None:
    items, done = deque(range(9)), list[int]()
    both = threading.Barrier(2)

    def work(item: int) -> None:
        both.wait(20)
        if item == 0:
            raise ValueError("nought")
        time.sleep(0.2)  # the other thread has failed by then
        done.append(item)

    with pytest.raises(ValueError, match="nought"):
        use_up(items, work, never, 2)
    assert (done, list(items)) == ([1], [2, 3, 4, 5, 6, 7, 8])


def test_without_items_there_is_nothing_to_do() -> None:
    use_up(deque[int](), lambda item: pytest.fail(str(item)), never, 3)
