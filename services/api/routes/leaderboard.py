"""A sweep's points, ranked over their seeds: the leaderboard, and the best of it."""

from __future__ import annotations

from typing import Annotated, NamedTuple

from fastapi import APIRouter, Query

from services.api import cursor
from services.api.cursor import After
from services.api.deps import Reached
from services.api.views.point import BestView, LeaderboardView, point_view
from services.domain.errors import StateForbids
from services.domain.plan.winner import winner_spec
from services.domain.spec.spec import Objective
from services.store import leaderboard as ranking
from services.store import sweeps
from services.store.leaderboard import RankedPoint, RankPosition
from services.store.models import Sweep
from services.store.session import Session

router = APIRouter(tags=["sweeps"])


class Ranked(NamedTuple):
    """A sweep and its best two points."""

    sweep: Sweep
    objective: Objective
    seeds: int
    best: list[RankedPoint]


@router.get("/sweeps/{sweep_id}/leaderboard", summary="The points of a sweep, best first")
def leaderboard(
    sweep_id: str,
    reached: Reached,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    after: After = None,
) -> LeaderboardView:
    """A page of a sweep's points, each with the mean over its seeds, its 95 % interval and its trials.

    Points of which a replicate failed come behind the others, those without any value last. A trial that
    still runs counts with its value so far. The comparison is always that of the sweep's best two points.
    """
    start = None if after is None else _place(after)

    def read(session: Session) -> tuple[Ranked, list[RankedPoint], RankPosition | None]:
        found = _ranked(session, sweep_id)
        return found, *ranking.page(session, sweep_id, found.objective, limit, start)

    found, page, last = reached.store.read(read)
    return LeaderboardView(
        points=[point_view(point, found.sweep, found.seeds, reached.settings) for point in page],
        comparison=ranking.comparison(found.best, found.objective, found.seeds),
        next=None if last is None else cursor.write("leaderboard", *last),
    )


@router.get("/sweeps/{sweep_id}/best", summary="The winner, and a spec that trains it again")
def best(sweep_id: str, reached: Reached) -> BestView:
    """The point with the best mean; its spec is complete, has no axes, and can be submitted as it is."""
    found = reached.store.read(lambda session: _ranked(session, sweep_id))
    sweep = found.sweep
    if not found.best:
        raise StateForbids(
            f"sweep {sweep_id} has no best point: it is {sweep.state}, and none of its trials has reported "
            f"a finite {found.objective.metric}"
        )
    return BestView(
        point=point_view(found.best[0], sweep, found.seeds, reached.settings),
        spec=winner_spec(sweep.spec, sweep.plan, found.best[0].number),
    )


def _ranked(session: Session, sweep_id: str) -> Ranked:
    sweep = sweeps.get(session, sweep_id)
    objective = sweep.spec.objective
    best = ranking.top(session, {sweep_id: objective}, 2)[sweep_id]
    return Ranked(sweep, objective, sweep.plan.seeds, best)


def _place(after: str) -> RankPosition:
    tier, score, point = cursor.read("leaderboard", after, int, (int, float), int)
    return RankPosition(tier, score, point)
