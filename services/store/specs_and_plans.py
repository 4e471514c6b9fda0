"""Specs and plans, kept in memory once they were read: they never change, and a page shows hundreds."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, defer
from sqlalchemy.orm.attributes import set_committed_value
from sqlalchemy.orm.interfaces import ORMOption

from services.domain.plan.plan import Plan
from services.domain.spec.spec import Spec
from services.store.json_model import is_readable
from services.store.json_rows import GIVEN_IDS, given_ids
from services.store.kept import of_store
from services.store.models import Sweep, read

COLUMNS = (Sweep.stored_spec, Sweep.stored_plan)
_READ = select(Sweep.id, *COLUMNS, Sweep.total).where(Sweep.id.in_(GIVEN_IDS))
MAX_KEPT = 1000  # sweeps
MAX_TRIALS_KEPT = 1_000_000  # of all kept sweeps: a plan of random draws grows with its trials


class SpecsAndPlans:
    """The specs and plans that were read last; one for each `Store`, by `of_store`."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, tuple[Any, ...]] = OrderedDict()  # by sweep; the last one is its total

    def give(self, session: Session, page: Sequence[Sweep]) -> None:
        """Give each sweep its spec and its plan."""
        kept = self.of(session, [sweep.id for sweep in page])
        for sweep in page:
            for column, value in zip(COLUMNS, kept[sweep.id], strict=True):
                set_committed_value(sweep, column.key, value)

    def of(self, session: Session, sweep_ids: Sequence[str]) -> dict[str, tuple[Any, ...]]:
        """The spec and the plan of each sweep; those that are not kept are read in one query."""
        # With `get`, because other threads forget sweeps meanwhile.
        kept = {sweep_id: found for sweep_id in sweep_ids if (found := self._kept.get(sweep_id))}
        missing = [sweep_id for sweep_id in sweep_ids if sweep_id not in kept]
        if missing:
            rows = session.execute(_READ, given_ids(missing))
            read: dict[str, tuple[Any, ...]] = {sweep_id: tuple(values) for sweep_id, *values in rows}
            kept |= read
            # One that cannot be read may be mended.
            good = {each: found for each, found in read.items() if all(map(is_readable, found[:-1]))}
            self._kept.update(good)
            trials = sum(total for *_, total in list(self._kept.values()))
            while len(self._kept) > MAX_KEPT or trials > MAX_TRIALS_KEPT:
                trials -= self._kept.popitem(last=False)[1][-1]
        return {sweep_id: found[:-1] for sweep_id, found in kept.items()}


def later() -> list[ORMOption]:
    """The options of a query whose sweeps are given their specs and plans by `give`."""
    return [defer(column) for column in COLUMNS]


def of_sweep(session: Session, sweep_id: str) -> tuple[Spec, Plan]:
    """The spec and the plan of one sweep, from memory where they are; `Unreadable` if one cannot be read."""
    stored = of_store(session, SpecsAndPlans).of(session, [sweep_id])[sweep_id]
    spec: Spec = read("spec", sweep_id, stored[0])
    plan: Plan = read("plan", sweep_id, stored[1])
    return spec, plan


def spec_of(session: Session, sweep_id: str) -> Spec:
    """The spec of one sweep, from memory where it is."""
    spec: Spec = of_store(session, SpecsAndPlans).of(session, [sweep_id])[sweep_id][0].read()
    return spec


def give(session: Session, page: Sequence[Sweep]) -> None:
    """Give each sweep its spec and its plan, from memory where they are."""
    of_store(session, SpecsAndPlans).give(session, page)
