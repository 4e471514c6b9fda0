"""The first positions of rankings, kept until something of their sweep changes.

To rank points takes all trials of the sweep; a page of what is kept takes as long for any number of them.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from services.domain.spec.objective import Objective
from services.store import leaderboard, standings
from services.store.kept import of_store
from services.store.leaderboard import RankedPoint, RankPosition
from services.store.standings import Mark

MAX_KEPT = 100  # sweeps
MAX_POSITIONS = 1000  # of each: twenty pages


@dataclass(frozen=True)
class Ranking:
    """The first positions of a sweep's ranking at its mark; `complete` if there are no others."""

    mark: Mark
    objective: Objective
    positions: Sequence[RankPosition]
    complete: bool


class Rankings:
    """The rankings that were read last; one for each `Store`, by `of_store`."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, Ranking] = OrderedDict()

    def positions(
        self, session: Session, sweep_id: str, objective: Objective, limit: int, after: RankPosition | None
    ) -> Sequence[RankPosition]:
        """So many positions behind one, from memory where they are among the first."""
        ranking = self._ranking(session, sweep_id, objective)
        if ranking is not None:
            start = 0 if after is None else bisect_right(ranking.positions, after)
            found = ranking.positions[start : start + limit]
            if len(found) == limit or ranking.complete:
                return found
        return leaderboard.positions(session, sweep_id, objective, limit, after)

    def _ranking(self, session: Session, sweep_id: str, objective: Objective) -> Ranking | None:
        """The ranking as it is now; None while a transaction that has begun may still change it."""
        # The mark first: after a change between the two, the ranking is newer than it and is read again.
        mark = standings.marks(session, [sweep_id]).get(sweep_id)
        if mark is None:
            return None
        ranking = self._kept.pop(sweep_id, None)  # the order is that of use
        if ranking is None or (ranking.mark, ranking.objective) != (mark, objective):
            first = leaderboard.positions(session, sweep_id, objective, MAX_POSITIONS + 1)
            ranking = Ranking(mark, objective, first[:MAX_POSITIONS], complete=len(first) <= MAX_POSITIONS)
        self._kept[sweep_id] = ranking
        while len(self._kept) > MAX_KEPT:
            self._kept.popitem(last=False)
        return ranking


def page(
    session: Session, sweep_id: str, objective: Objective, limit: int, after: RankPosition | None = None
) -> tuple[list[RankedPoint], RankPosition | None]:
    """A sweep's points, best first, and the position of the last one if others follow it."""
    kept = of_store(session, Rankings)
    found = kept.positions(session, sweep_id, objective, limit + 1, after)
    points = leaderboard.points(session, sweep_id, objective, found[:limit])
    return points, found[limit - 1] if len(found) > limit else None
