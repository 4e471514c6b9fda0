"""Results after equally many epochs, in the order of the asking and in the order of their values."""

from __future__ import annotations

import math
from bisect import bisect_left, insort
from collections.abc import Sequence
from itertools import islice

from services.domain.asking.observations import AskedPoint, Observations


class LevelResults:
    """The results of some points, by their places in the order of the asking.

    Both orders are kept while results come, so that to look at some of very many takes no longer than at
    some of few. `points` and `running`, the places of those that are being tried in rising order, belong to
    the history, which goes on changing them.
    """

    def __init__(self, points: Sequence[AskedPoint], running: Sequence[int]) -> None:
        self._points, self._running = points, running
        self._values: dict[int, float] = {}  # math.inf: it failed
        self._places: list[int] = []
        self._ranking: list[tuple[float, int]] = []  # of equal values the earlier one is the better

    def __len__(self) -> int:
        return len(self._places)

    @property
    def known(self) -> int:
        """How many of them are numbers; the others failed."""
        return bisect_left(self._ranking, (math.inf, -1))

    def put(self, place: int, value: float | None) -> None:
        """Set the result of a point; None if it has none."""
        old = self._values.pop(place, None)
        if old == value:
            if value is not None:
                self._values[place] = value
            return
        if old is not None:
            del self._ranking[bisect_left(self._ranking, (old, place))]
            if value is None:
                del self._places[bisect_left(self._places, place)]
        if value is not None:
            self._values[place] = value
            insort(self._ranking, (value, place))
            if old is None:
                insort(self._places, place)

    def all(self) -> Observations:
        """All of them; a point that failed has the worst value of the others."""
        return self._observations(self._places, len(self._running))

    def some(self, most: int, good: int, running: int) -> Observations:
        """At most so many results: the `good` best and some of the others; and the latest being tried.

        The others are every so many of the rest in the order of the asking, early ones as well as late ones,
        so that they are spread as the rest is.
        """
        if len(self) <= most:
            return self._observations(self._places, running)
        best = sorted(place for _, place in self._ranking[:good])
        # How many of the rest come before each of the best.
        before = [bisect_left(self._places, place) - index for index, place in enumerate(best)]
        count, rest = most - good, len(self) - good
        chosen, passed = list(best), 0
        for each in range(count):
            at = (2 * each + 1) * rest // (2 * count)
            while passed < good and before[passed] <= at:
                passed += 1
            chosen.append(self._places[at + passed])
        return self._observations(sorted(chosen), running)

    def _observations(self, places: Sequence[int], running: int) -> Observations:
        worst = self._worst()
        values = [self._values[place] for place in places]
        tried = (place for place in reversed(self._running) if place not in self._values)
        latest = list(islice(tried, running))[::-1]
        return Observations(
            [self._points[place].choices for place in places],
            [value if value < math.inf else worst for value in values],
            [self._points[place].choices for place in latest],
        )

    def _worst(self) -> float:
        """The greatest value that is finite; 0 if none is."""
        return self._ranking[self.known - 1][0] if self.known else 0.0
