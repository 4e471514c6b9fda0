"""Measured speeds as one worker knows them: read from SQL once, and written again where they have changed."""

from __future__ import annotations

import math
import time

from services.store import speeds
from services.store.session import Store

MAX_UNWRITTEN_CHANGE = 0.1  # of a speed, relative to the one that SQL has
MAX_UNWRITTEN_SECONDS = 60.0  # after which a changed speed is written, however little it has changed


class KnownSpeeds:
    """The speeds of shapes at widths on kinds of machine; packs of a second must not cost a write each."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: dict[tuple[str, str, int], tuple[float, float]] = {}  # images per second, when written
        self._unmeasured: dict[tuple[str, str, int], float] = {}  # when SQL had none

    def measured(self, shape_key: str, machine: str, width: int) -> float | None:
        """Trial-images per second; None where nobody has measured."""
        key, now = (shape_key, machine, width), time.monotonic()
        known = self._known.get(key)
        if known:
            return known[0]
        if now - self._unmeasured.get(key, -math.inf) < MAX_UNWRITTEN_SECONDS:
            return None
        found = self._store.insist(lambda session: speeds.measured(session, shape_key, machine, width))
        if found is None:
            self._unmeasured[key] = now
        else:
            self._known[key] = found, now
        return found

    def claims_plain(self, shape_key: str, machine: str) -> bool:
        """Whether this worker is to measure the plain loop of a shape: nobody has, and no other one does."""
        key, now = (shape_key, machine, speeds.PLAIN), time.monotonic()
        if now - self._unmeasured.get(key, -math.inf) < MAX_UNWRITTEN_SECONDS:
            return False
        if self.measured(*key) is not None:
            return False
        return self._store.insist(lambda session: speeds.claim_plain(session, shape_key, machine))

    def record(self, shape_key: str, machine: str, width: int, images_per_s: float) -> None:
        """Keep a measurement, and write it if it differs or the last one was written a while ago."""
        now = time.monotonic()
        known, written = self._known.get((shape_key, machine, width), (0.0, 0.0))
        near = abs(images_per_s - known) <= MAX_UNWRITTEN_CHANGE * known
        if near and now - written < MAX_UNWRITTEN_SECONDS:
            return
        self._known[shape_key, machine, width] = images_per_s, now
        self._store.insist(lambda session: speeds.record(session, shape_key, machine, width, images_per_s))
