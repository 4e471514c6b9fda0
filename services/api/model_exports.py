"""One model is taken out at a time: each export is a process that fills a core and holds a whole net."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from services.domain.errors import StateForbids

MAX_WAIT_SECONDS = 60.0  # for others' exports


class ModelExports:
    """The turns of exports in this process."""

    def __init__(self, max_wait: float = MAX_WAIT_SECONDS) -> None:
        self._one, self._max_wait = threading.Lock(), max_wait

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait for one's turn; `StateForbids` if others take too long."""
        if not self._one.acquire(timeout=self._max_wait):
            raise StateForbids(
                f"other models are being exported, for more than {self._max_wait:.0f} s; ask again later"
            )
        try:
            yield
        finally:
            self._one.release()
