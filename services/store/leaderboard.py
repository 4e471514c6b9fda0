"""The leaderboard: points, each with its trials, ranked by the mean over their seeds."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any, Literal, NamedTuple

from sqlalchemy import (
    JSON,
    ColumnElement,
    Float,
    Integer,
    Select,
    SQLColumnExpression,
    String,
    Subquery,
    and_,
    bindparam,
    case,
    cast,
    column,
    func,
    literal,
    select,
    tuple_,
)
from sqlalchemy.orm import Session

from services.domain.plan.repeats import Repeats
from services.domain.results.comparison import Comparison, Side, compare
from services.domain.results.intervals import MAX_MAGNITUDE, Estimate, estimate
from services.domain.results.share import Share
from services.domain.spec.objective import Objective
from services.domain.states import TrialState
from services.store.json_rows import json_rows
from services.store.models import MirrorTrial, Trial

Goal = Literal["maximize", "minimize"]
Replicates = tuple[tuple[int, float | None], ...]  # replicate and value
MAX_RESULTS_KEPT = 4096  # estimates, and comparisons
_KEYS = json_rows(bindparam("keys", type_=String)).table_valued(column("value", JSON))


@dataclass(frozen=True)
class Replicate:
    """One trial of a point, with the value that ranks it; one that still runs has its value so far."""

    id: str
    number: int
    replicate: int
    state: str
    value: float | None
    epoch: int
    run_id: str | None  # in MLflow
    reused_from: str | None = None
    reused_epochs: int = 0


@dataclass(frozen=True)
class RankedPoint:
    """A point and its trials, in the order of their replicates."""

    sweep_id: str
    number: int
    shape: int  # of the plan, by index
    values: dict[str, Any]  # of its axes
    replicates: list[Replicate]

    @property
    def failed(self) -> int:
        """How many of its trials have failed."""
        return sum(trial.state == TrialState.FAILED for trial in self.replicates)

    @property
    def has_value(self) -> bool:
        """Whether one of its trials has a value."""
        return any(trial.value is not None for trial in self.replicates)

    def values_of(self, repeats: Repeats) -> dict[int, float | None]:
        """Its values by seed, or by fold where there are folds."""
        return repeats.by_unit({each.replicate: each.value for each in self.replicates})

    def best_trial(self, goal: Goal) -> Replicate:
        """Its trial with the best value, one that has failed after all others; it must have a value."""
        sign = -1 if goal == "maximize" else 1
        valued = [(each, sign * each.value) for each in self.replicates if each.value is not None]
        return min(valued, key=lambda it: (it[0].state == TrialState.FAILED, it[1]))[0]

    def estimate(self, repeats: Repeats, share: Share | None = None) -> Estimate:
        """Its mean and interval, where so many replicates are wanted; `share` as for `estimate`."""
        return _estimate(tuple(self.values_of(repeats).values()), repeats, self.failed, share)

    def side(self, repeats: Repeats) -> Side:
        """The point as one side of a comparison."""
        return Side(point=self.number, values=self.values_of(repeats))


class RankPosition(NamedTuple):
    """A point's position in the ranking; the next page begins behind it.

    `tier` is `ranking.tier` of whether it has a value and of whether a replicate failed; `score` is the mean
    so that smaller is better.
    """

    tier: int
    score: float
    point: int


def positions(
    session: Session, sweep_id: str, objective: Objective, limit: int, after: RankPosition | None = None
) -> list[RankPosition]:
    """So many positions of a sweep's points, best first, behind one of them.

    Points with a value come first, of these those of which no replicate failed, then by the mean of the
    values there are, then by number. A point is here as soon as dispatch has drawn one of its trials.
    """
    given = {"sweeps": [sweep_id], "most": limit} | (after._asdict() if after else {})
    rows = session.execute(_positions(objective.goal, objective.at, after is not None), given)
    return [RankPosition(int(tier), float(score), int(point)) for tier, score, point in rows]


# A statement that is made once for each kind of objective: to make it takes longer than to execute it.
@cache
def _positions(goal: Goal, at: Literal["best", "last"], behind: bool) -> Select[Any]:
    """Make the query of `positions`, with or without a position that they are behind."""
    ranked = _ranked({"": Objective.model_construct(goal=goal, at=at)}).c
    here = ranked.tier, ranked.score, ranked.point
    query = select(*here).order_by(*here).limit(bindparam("most"))
    if not behind:
        return query
    given = zip(RankPosition._fields, (Integer, Float, Integer), strict=True)
    return query.where(tuple_(*here) > tuple_(*(bindparam(name, type_=kind) for name, kind in given)))


@cache
def _trials_by(at: Literal["best", "last"]) -> Select[Any]:
    """Make the query of the trials of points of one sweep, in the order of their replicates."""
    return _trial_columns({"": Objective.model_construct(at=at)}).order_by(Trial.replicate)


def points(
    session: Session, sweep_id: str, objective: Objective, at: Sequence[RankPosition]
) -> list[RankedPoint]:
    """The points at these positions, with their trials as they are now."""
    return _with_trials(session, [(sweep_id, position.point) for position in at], {sweep_id: objective})


def page(session: Session, sweep_id: str, objective: Objective, limit: int) -> tuple[list[RankedPoint], bool]:
    """So many of a sweep's points, best first, and whether others follow them."""
    found = positions(session, sweep_id, objective, limit + 1)
    return points(session, sweep_id, objective, found[:limit]), len(found) > limit


def top(session: Session, objectives: Mapping[str, Objective], count: int) -> dict[str, list[RankedPoint]]:
    """The best points of several sweeps, each by its own objective; only points that have a value."""
    if len(objectives) == 1:  # without a window, for which PostgreSQL would sort all of its points
        [(sweep_id, objective)] = objectives.items()
        first = positions(session, sweep_id, objective, count)
        return {sweep_id: points(session, sweep_id, objective, [each for each in first if each.tier <= 1])}
    ranked = _ranked(objectives)
    order = func.row_number().over(
        partition_by=ranked.c.sweep_id, order_by=(ranked.c.tier, ranked.c.score, ranked.c.point)
    )
    rank = select(ranked.c.sweep_id, ranked.c.point, order.label("rank")).where(ranked.c.tier <= 1).subquery()
    # Their trials in a query of its own: joined here, PostgreSQL would sort all trials of the sweeps.
    rows = session.execute(
        select(rank.c.sweep_id, rank.c.point)
        .where(rank.c.rank <= count)
        .order_by(rank.c.sweep_id, rank.c.rank),
        {"sweeps": list(objectives)},
    )
    best: dict[str, list[RankedPoint]] = {sweep_id: [] for sweep_id in objectives}
    for point in _with_trials(session, [(sweep_id, number) for sweep_id, number in rows], objectives):
        best[point.sweep_id].append(point)
    return best


def best_trials(session: Session, sweep_id: str, objective: Objective, count: int) -> Sequence[str]:
    """Ids of a sweep's best trials that have a value, one that failed after all others."""
    value = _value({sweep_id: objective})
    score = -value if objective.goal == "maximize" else value
    failed = case((Trial.state == TrialState.FAILED, 1), else_=0)
    return session.scalars(
        select(Trial.id)
        .where(Trial.sweep_id == sweep_id, value.is_not(None))
        .order_by(failed, score, Trial.number)
        .limit(count)
    ).all()


def winner(session: Session, sweep_id: str, objective: Objective) -> str | None:
    """The id of the best trial of a sweep's best point; None while there is no value."""
    best, _ = page(session, sweep_id, objective, 1)
    return best[0].best_trial(objective.goal).id if best and best[0].has_value else None


def comparison(best: Sequence[RankedPoint], objective: Objective, repeats: Repeats) -> Comparison | None:
    """The first of these points against the second; None where there is no second."""
    if len(best) < 2:
        return None
    (first, values), (second, others) = (
        (point.number, tuple(sorted(point.side(repeats).values.items()))) for point in best[:2]
    )
    return _compare(first, values, second, others, objective.goal, repeats)


# A page of sweeps shows hundreds of these, and most are what they were when it was last shown.
@lru_cache(maxsize=MAX_RESULTS_KEPT)
def _estimate(
    values: tuple[float | None, ...], repeats: Repeats, failed: int, share: Share | None
) -> Estimate:
    return estimate(values, repeats, failed, share)


@lru_cache(maxsize=MAX_RESULTS_KEPT)
def _compare(
    first: int, values: Replicates, second: int, others: Replicates, goal: Goal, repeats: Repeats
) -> Comparison:
    return compare(
        Side(point=first, values=dict(values)), Side(point=second, values=dict(others)), goal, repeats
    )


def _ranked(objectives: Mapping[str, Objective]) -> Subquery:
    """Every point of the sweeps that are given as `sweeps`, with its tier and score.

    Sum and count instead of avg: PostgreSQL's avg squares the values, which overflows sooner.
    """
    value = _value(objectives)
    maximizing = {sweep_id for sweep_id, objective in objectives.items() if objective.goal == "maximize"}
    sign = _either(objectives, maximizing, literal(-1.0, Float), literal(1.0, Float))
    failed = func.count(case((Trial.state == TrialState.FAILED, 1)))
    tier = case((func.count(value) == 0, 2), else_=0) + case((failed > 0, 1), else_=0)
    score = func.coalesce(func.sum(sign * value) / cast(func.nullif(func.count(value), 0), Float), 0.0)
    return (
        select(Trial.sweep_id, Trial.point, tier.label("tier"), score.label("score"))
        .where(Trial.sweep_id.in_(bindparam("sweeps", expanding=True)))
        .group_by(Trial.sweep_id, Trial.point)
        .subquery()
    )


def _value(objectives: Mapping[str, Objective]) -> ColumnElement[float]:
    """What ranks a trial: its best value or its last one; none where sums of it would overflow."""
    at_best = {sweep_id for sweep_id, objective in objectives.items() if objective.at == "best"}
    value = _either(objectives, at_best, Trial.best_value, Trial.last_value)
    return case((func.abs(value) <= MAX_MAGNITUDE, value))


def _either(
    objectives: Mapping[str, Objective],
    chosen: Set[str],
    value: SQLColumnExpression[Any],
    other: SQLColumnExpression[Any],
) -> SQLColumnExpression[Any]:
    """One value for the chosen sweeps, another for the rest; short SQL where one is for all of them."""
    if len(chosen) in (0, len(objectives)):
        return value if chosen else other
    return case((Trial.sweep_id.in_(sorted(chosen)), value), else_=other)


def _with_trials(
    session: Session, keys: Sequence[tuple[str, int]], objectives: Mapping[str, Objective]
) -> list[RankedPoint]:
    """These points with their trials, in the order of the keys."""
    wanted = json.dumps([{"sweep": sweep_id, "point": point} for sweep_id, point in keys])
    ends = [objective.at for objective in objectives.values()]
    query = _trials_by(ends[0]) if len(ends) == 1 else _trial_columns(objectives).order_by(Trial.replicate)
    found = _points(session.execute(query, {"keys": wanted}))
    return [found[key] for key in keys]


def _trial_columns(objectives: Mapping[str, Objective]) -> Select[Any]:
    """What points show of their trials; the points are the elements of the JSON parameter `keys`.

    With a list of pairs instead SQLite would read the trials of all sweeps.
    """
    return select(
        Trial.sweep_id,
        Trial.point,
        Trial.shape,
        Trial.values,
        Trial.id,
        Trial.number,
        Trial.replicate,
        Trial.state,
        _value(objectives),
        Trial.epoch,
        MirrorTrial.run_id,
        Trial.reused_from,
        Trial.reused_epochs,
    ).select_from(
        _KEYS.join(
            Trial,
            and_(
                Trial.sweep_id == _KEYS.c.value["sweep"].as_string(),
                Trial.point == _KEYS.c.value["point"].as_integer(),
            ),
        ).outerjoin(MirrorTrial, MirrorTrial.trial_id == Trial.id)
    )


def _points(rows: Iterable[Sequence[Any]]) -> dict[tuple[str, int], RankedPoint]:
    """Put the trials of each point together, in the order of the rows."""
    found: dict[tuple[str, int], RankedPoint] = {}
    for sweep_id, number, shape, values, *replicate in rows:
        point = found.setdefault((sweep_id, number), RankedPoint(sweep_id, number, shape, values, []))
        point.replicates.append(Replicate(*replicate))
    return found
