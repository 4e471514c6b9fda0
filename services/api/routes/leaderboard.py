"""A sweep's points, ranked by their mean over seeds: the leaderboard, and the best point."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from functools import lru_cache
from typing import Annotated, Any, NamedTuple

from fastapi import APIRouter, Query

from services.api import cursor
from services.api.cursor import After
from services.api.deps import ServicesDep
from services.api.library import Library
from services.api.read_sweep import forked_from
from services.api.views.comparison import ComparisonView, comparison_view
from services.api.views.point import BestView, LeaderboardView, point_view
from services.domain.errors import StateForbids
from services.domain.plan.winner import winner_spec
from services.domain.planning.catalog import ConfigFault
from services.domain.planning.shortest import shortest
from services.store import leaderboard as ranking
from services.store import rankings, standings, sweeps
from services.store.leaderboard import RankedPoint, RankPosition
from services.store.models import Sweep
from services.store.session import Session

router = APIRouter(tags=["sweeps"])
MAX_SPECS_KEPT = 256


class SweepWithBest(NamedTuple):
    """A sweep and its best two points."""

    sweep: Sweep
    best: Sequence[RankedPoint]

    @property
    def comparison(self) -> ComparisonView | None:
        """How the best compares with the runner-up."""
        found = ranking.comparison(self.best, self.sweep.spec.objective, self.sweep.plan.repeats)
        return comparison_view(found)


@router.get("/sweeps/{sweep_id}/leaderboard", summary="List a sweep's points, best first")
def leaderboard(
    sweep_id: str,
    services: ServicesDep,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    after: After = None,
) -> LeaderboardView:
    """A page of a sweep's points, each with the mean over its seeds, its 95 % interval and its trials.

    Points with a failed replicate come after the others, and points without any value last. A trial that is
    still running counts with its value so far. The comparison is always that of the sweep's best two points.
    """
    start = None if after is None else _start(after)

    def read(session: Session) -> tuple[SweepWithBest, list[RankedPoint], RankPosition | None]:
        sweep = sweeps.get(session, sweep_id)
        page, last = rankings.page(session, sweep_id, sweep.spec.objective, limit, start)
        if start is not None or limit < standings.BEST:
            return _with_best(session, sweep), page, last
        best = [point for point in page[: standings.BEST] if point.has_value]
        return SweepWithBest(sweep, best), page, last

    ranked, page, last = services.store.read(read)
    return LeaderboardView(
        points=[point_view(point, ranked.sweep, services.settings) for point in page],
        comparison=ranked.comparison,
        next=None if last is None else cursor.write("leaderboard", *last),
    )


@router.get("/sweeps/{sweep_id}/best", summary="Show the best point and a spec that trains it again")
def best(sweep_id: str, services: ServicesDep) -> BestView:
    """The point with the best mean; its spec has no axes, and can be submitted as it is.

    It holds what differs from the defaults. Of a fork the spec alone gives another result: it trains from the
    first epoch, with the values that the fork has had only from its start (`forked_from`).
    """
    ranked, origin = services.store.read(
        lambda session: (
            found := _with_best(session, sweeps.get(session, sweep_id)),
            forked_from(session, found.sweep.plan, sweep_id),
        )
    )
    sweep = ranked.sweep
    if not ranked.best:
        raise StateForbids(
            f"sweep {sweep_id} has no best point: it is {sweep.state}, and none of its trials has reported "
            f"a finite {sweep.spec.objective.metric}"
        )
    config = sweep.plan.config_of(ranked.best[0])
    spec = winner_spec(sweep.spec, sweep.plan, config)
    with suppress(ConfigFault):  # as where a data set is no longer there: then all of it is written
        spec |= {"train": {}, **_shortest(json.dumps(config), services.library)}
    point = point_view(ranked.best[0], sweep, services.settings)
    trial = ranked.best[0].best_trial(sweep.spec.objective.goal).id
    return BestView(point=point, trial=trial, spec=spec, forked_from=origin)


def _with_best(session: Session, sweep: Sweep) -> SweepWithBest:
    return SweepWithBest(sweep, standings.of(session, [sweep])[sweep.id].best)


@lru_cache(maxsize=MAX_SPECS_KEPT)
def _shortest(config: str, library: Library) -> dict[str, Any]:
    """What of a config, given as JSON, differs from the defaults; whoever watches a sweep asks it often."""
    return shortest(json.loads(config), library.resolve)


def _start(after: str) -> RankPosition:
    tier, score, point = cursor.read("leaderboard", after, int, (int, float), int)
    return RankPosition(tier, score, point)
