"""Decisions at rungs, as they are stored: which points of a cohort went on, and on what that was decided."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ForeignKey, String, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from services.store.models import Trial
from services.store.table import Base


class RungDecision(Base):
    """Which points of a cohort went on at a rung, and on what that was decided; written once."""

    __tablename__ = "rung_decisions"

    sweep_id: Mapped[str] = mapped_column(ForeignKey("sweeps.id"), primary_key=True)
    cohort: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    epoch: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[int]
    rule: Mapped[str] = mapped_column(String(40))
    inputs: Mapped[list[Any]]  # of each point: its number, its trials, the value it was judged by
    kept: Mapped[list[Any]]  # numbers of points


def of_trial(session: Session, trial: Trial) -> Sequence[RungDecision]:
    """What was decided at the rungs that a trial has reached, in the order of its epochs."""
    mine = RungDecision.sweep_id == trial.sweep_id, RungDecision.cohort == trial.cohort
    reached = select(RungDecision).where(*mine, RungDecision.epoch <= trial.epoch)
    return session.scalars(reached.order_by(RungDecision.epoch)).all()


def of_sweep(session: Session, sweep_id: str) -> Sequence[RungDecision]:
    """What was decided in a sweep, in the order of time."""
    mine = select(RungDecision).where(RungDecision.sweep_id == sweep_id)
    return session.scalars(mine.order_by(RungDecision.at, RungDecision.cohort, RungDecision.epoch)).all()
