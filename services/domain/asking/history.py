"""The history of a search: the points that were asked for, in their order, and how they have turned out."""

from __future__ import annotations

import math
from bisect import bisect_left, insort
from collections.abc import Collection, Iterable

from services.domain.asking.comparable import FULL, comparable
from services.domain.asking.level_results import LevelResults
from services.domain.asking.observations import AskedPoint, PointResult


class History:
    """A function of results alone, in which a new result can be put at little cost, however many there are.

    `elsewhere` are results of other sweeps in the same space: they are looked at, but their points may be
    tried again.
    """

    def __init__(self, results: Iterable[PointResult] = (), elsewhere: Collection[PointResult] = ()) -> None:
        self._keys: set[str] = set()
        self._points: list[AskedPoint] = []
        self._running: list[int] = []  # places of points that can still have a result, rising
        self._failed: set[int] = set()
        self._levels = {FULL: LevelResults(self._points, self._running)}  # by epochs
        self._before = len(elsewhere)
        for place, each in enumerate(elsewhere):
            self._put(place, each)
        for index, each in enumerate(results):
            self.put(index, each)

    def __len__(self) -> int:
        """How many points the sweep has asked for."""
        return len(self._points) - self._before

    @property
    def keys(self) -> Collection[str]:
        """The keys of these points."""
        return self._keys

    def point(self, index: int) -> AskedPoint:
        """The point that was asked for after so many others."""
        return self._points[self._before + index]

    def put(self, index: int, result: PointResult) -> None:
        """Set the result of the point that was asked for after so many others: a known one, or the next."""
        self._keys.add(result.point.key)
        self._put(self._before + index, result)

    def seen(self, enough: int) -> LevelResults:
        """The results that are compared: after the most epochs that `enough` points have trained for.

        A point that failed is among them, whenever it did.
        """
        counts = {epochs: level.known for epochs, level in self._levels.items()}
        return self._levels[comparable(counts, enough)]

    def _put(self, place: int, result: PointResult) -> None:
        if place == len(self._points):
            self._points.append(result.point)
        at = bisect_left(self._running, place)
        if self._running[at : at + 1] == [place]:
            del self._running[at]
        if result.running:
            insort(self._running, place)
        self._failed.discard(place)
        if has_failed := result.value == math.inf:
            self._failed.add(place)
        for epochs in result.at_rungs.keys() - self._levels.keys():
            self._levels[epochs] = LevelResults(self._points, self._running)
            for failed in self._failed:
                self._levels[epochs].put(failed, math.inf)
        for epochs, level in self._levels.items():
            whole = epochs == FULL or has_failed
            level.put(place, result.value if whole else result.at_rungs.get(epochs))
