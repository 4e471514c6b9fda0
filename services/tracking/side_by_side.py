"""Work on several items side by side: while MLflow answers one request, the next is made."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


def use_up(items: deque[T], work: Callable[[T], None], is_over: Callable[[], bool], threads: int) -> None:
    """Take items from the left and work on each, in so many threads, until the time is over.

    After an exception no further item is begun; once those under way are done, the first one is raised.
    """
    failed = threading.Event()

    def some() -> None:
        while not (failed.is_set() or is_over()):
            try:
                item = items.popleft()
            except IndexError:
                return
            try:
                work(item)
            except BaseException:
                failed.set()
                raise

    with ThreadPoolExecutor(threads, thread_name_prefix="mirror") as pool:
        futures = [pool.submit(some) for _ in range(min(threads, len(items)))]
    for future in futures:
        future.result()
