"""Budgets of epochs: what a sweep's trials have been allotted, and what they can still get.

A trial is allotted its epochs up to its next rung when it is drawn, and up to the one after when it goes on;
one that ends gives back what it has not trained. Epochs that another sweep has trained cost nothing. So a
sweep never trains more than its budget.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from sqlalchemy import Table, bindparam, case, func, select
from sqlalchemy.orm import Session

from services.domain.plan.cohorts import Cohorts
from services.domain.states import TRIAL_FINAL
from services.domain.stopping.budget import Budget
from services.store.models import Sweep, Trial

_TRIALS = cast(Table, Trial.__table__).c
_ALLOTTED = select(
    func.coalesce(
        func.sum(
            case((_TRIALS.state.in_(sorted(TRIAL_FINAL)), _TRIALS.epoch), else_=_TRIALS.until_epoch)
            - _TRIALS.reused_epochs
        ),
        0,
    )
).where(_TRIALS.sweep_id == bindparam("sweep"))


def of_epochs(sweep: Sweep) -> int | None:
    """How many epochs a sweep may train in all; None if nothing limits them."""
    return next((rule.epochs for rule in sweep.spec.stop if isinstance(rule, Budget)), None)


def left(session: Session, sweep: Sweep) -> int | None:
    """How many epochs of its budget a sweep has not allotted; None if it has no such budget."""
    limit = of_epochs(sweep)
    if limit is None:
        return None
    return max(0, limit - int(session.execute(_ALLOTTED, {"sweep": sweep.id}).scalar_one()))


def affordable(
    session: Session, sweep: Sweep, kept: Sequence[tuple[int, Sequence[Trial]]], divided: Cohorts
) -> list[int]:
    """The first of these points, best first, whose trials can all be trained to their next stop."""
    rest, found = left(session, sweep), []
    for point, trials in kept:
        stops = (divided.next_stop(t.cohort, t.until_epoch, t.target_epoch) for t in trials)
        cost = sum(stop - t.until_epoch for stop, t in zip(stops, trials, strict=True))
        if rest is not None and cost > rest:
            break
        rest = None if rest is None else rest - cost
        found.append(point)
    return found
