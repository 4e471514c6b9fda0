"""Draw trials of a search by results: points are asked for with the results that the trials' rows hold."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.orm import Session

from services.domain.asking.ask import ask
from services.domain.asking.observations import AskedPoint
from services.domain.plan import cohorts
from services.domain.plan.packing import MIN_WIDTH
from services.domain.results.race import FIRST_SEEDS
from services.domain.search import AskedSearch, get
from services.domain.states import SweepState
from services.store import asked_history, budgets, clock, early_ends, reuse, trials
from services.store.models import Sweep

MAX_ASKED = 512  # points in one ask
LEAST_ASKS = 10  # in which a sweep's points are asked for: results come between them


def draw(session: Session, sweep: Sweep, rows: int) -> bool:
    """Ask for the next points of a locked sweep, and write their trials, pending and without places.

    As many as fill `rows` rows of arrays, but no more than a tenth of all points, or `MIN_WIDTH` rows where
    that is more, and none beyond the budget of epochs. Returns whether there are any; where the space has no
    more, or the budget cannot pay one, the sweep draws no more.
    """
    plan, method = sweep.plan, get(sweep.spec.search)
    if sweep.state != SweepState.ACTIVE or sweep.next_number >= sweep.total:
        return False
    if isinstance(method, AskedSearch) and method.missing():
        return False  # a process that has it will
    most = max(plan.points // LEAST_ASKS, -(-MIN_WIDTH // plan.replicates), 1)
    count = min(
        -(-rows // plan.replicates), most, MAX_ASKED, (sweep.total - sweep.next_number) // plan.replicates
    )
    points = next_points(session, sweep, count)
    if not points:
        early_ends.draw_no_more(session, sweep, sweep.spec.search, "the space has no more points")
        return False
    paid = _paid(session, sweep, points)
    if not paid:
        spent = f"the budget of {budgets.of_epochs(sweep)} epochs cannot pay another point"
        early_ends.draw_no_more(session, sweep, "budget", spent)
        return False
    placed = [(plan.space.values(point.coordinates), plan.shape_at(point.coordinates)) for point in paid]
    new = trials.asked_rows(sweep, placed, clock.read(session))
    reuse.write(session, sweep, new)
    return True


def next_points(session: Session, sweep: Sweep, count: int) -> list[AskedPoint]:
    """The next points of a sweep, at most `count`; none where its space has no more.

    Those that its spec lists come first. The same rows give the same points, in whatever process.
    """
    plan, method = sweep.plan, get(sweep.spec.search)
    space, asked = plan.space.searched, sweep.next_number // plan.replicates
    given = [space.at(point) for point in plan.space.given[asked : asked + count]]
    if len(given) == count:
        return given
    if not isinstance(method, AskedSearch):
        raise TypeError(f"search {sweep.spec.search} of sweep {sweep.id} is fixed at submit")
    history = asked_history.of_sweep(session, sweep)
    found = ask(method, space, history, count - len(given), plan.space.seed, given=given)
    return [*given, *found]


def _seeds_at_once(sweep: Sweep) -> int:
    """How many trials of a new point can train: all, or in a race those of the first seeds."""
    return min(sweep.plan.seeds, FIRST_SEEDS) if sweep.spec.race else sweep.plan.replicates


def _paid(session: Session, sweep: Sweep, points: Sequence[AskedPoint]) -> Sequence[AskedPoint]:
    """The first of these points whose trials the budget of epochs can pay up to their first stop."""
    left, plan = budgets.left(session, sweep), sweep.plan
    if left is None:
        return points
    stops, first = cohorts.of_sweep(sweep.spec, plan), sweep.next_number // plan.replicates
    for count, point in enumerate(points):
        target = plan.shapes[plan.shape_at(point.coordinates)].epochs
        left -= _seeds_at_once(sweep) * stops.next_stop(stops.of(first + count), 0, target)
        if left < 0:
            return points[:count]
    return points
