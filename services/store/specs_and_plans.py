"""Specs and plans, kept in memory once they were read: they never change, and a page shows hundreds."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, defer
from sqlalchemy.orm.attributes import set_committed_value
from sqlalchemy.orm.interfaces import ORMOption

from services.store.json_model import is_readable
from services.store.kept import of_store
from services.store.models import Sweep

COLUMNS = (Sweep.stored_spec, Sweep.stored_plan)
MAX_KEPT = 1000  # sweeps
MAX_TRIALS_KEPT = 1_000_000  # of all kept sweeps: a plan of random draws grows with its trials


class SpecsAndPlans:
    """The specs and plans that were read last; one for each `Store`, by `of_store`."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, tuple[Any, ...]] = OrderedDict()  # by sweep; the last one is its total

    def give(self, session: Session, page: Sequence[Sweep]) -> None:
        """Give each sweep its spec and its plan, and read those that are not kept in one query."""
        # With `get`, because other threads forget sweeps meanwhile.
        kept = {sweep.id: found for sweep in page if (found := self._kept.get(sweep.id))}
        missing = [sweep.id for sweep in page if sweep.id not in kept]
        if missing:
            rows = session.execute(select(Sweep.id, *COLUMNS, Sweep.total).where(Sweep.id.in_(missing)))
            kept |= {sweep_id: tuple(values) for sweep_id, *values in rows}
        for sweep in page:
            for column, value in zip(COLUMNS, kept[sweep.id][:-1], strict=True):
                set_committed_value(sweep, column.key, value)
        # One that cannot be read may be mended.
        self._kept.update({each: found for each, found in kept.items() if all(map(is_readable, found[:-1]))})
        trials = sum(total for *_, total in list(self._kept.values()))
        while len(self._kept) > MAX_KEPT or trials > MAX_TRIALS_KEPT:
            trials -= self._kept.popitem(last=False)[1][-1]


def later() -> list[ORMOption]:
    """The options of a query whose sweeps are given their specs and plans by `give`."""
    return [defer(column) for column in COLUMNS]


def give(session: Session, page: Sequence[Sweep]) -> None:
    """Give each sweep its spec and its plan, from memory where they are."""
    of_store(session, SpecsAndPlans).give(session, page)
