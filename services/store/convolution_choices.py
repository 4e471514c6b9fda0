"""How convolutions are computed on GPUs: settled by the first pack of a shape, width and kind of machine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

from sqlalchemy import String, select, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from services.store import clock
from services.store.table import Base

_SETTLE = text(
    "INSERT INTO convolution_choices (shape_key, machine, width, task, way, chosen_at) "
    "VALUES (:shape_key, :machine, :width, :task, :way, :now) "
    "ON CONFLICT (shape_key, machine, width, task) DO NOTHING"
)


class ConvolutionChoice(Base):
    """How arrays of one shape and width compute a convolution on one kind of machine: settled once."""

    __tablename__ = "convolution_choices"

    shape_key: Mapped[str] = mapped_column(String(64), primary_key=True)
    machine: Mapped[str] = mapped_column(String(120), primary_key=True)
    width: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    task: Mapped[str] = mapped_column(String(200), primary_key=True)  # as the training library names it
    way: Mapped[str] = mapped_column(String(40))
    chosen_at: Mapped[int]


@dataclass(frozen=True)
class ArrayKind:
    """What a choice belongs to besides the task: arrays that are alike in this must round alike."""

    shape_key: str
    machine: str
    width: int


def chosen(session: Session, arrays: ArrayKind) -> dict[str, str]:
    """The way of each task that is settled."""
    found = select(ConvolutionChoice).filter_by(**asdict(arrays))
    return {choice.task: choice.way for choice in session.scalars(found)}


def settle(session: Session, arrays: ArrayKind, timed: Mapping[str, str]) -> dict[str, str]:
    """Settle tasks that are not settled yet as they were timed; the ways of all of these.

    Of two packs that have timed at once, the second one gets what the first one has settled.
    """
    now = clock.read(session)
    rows = [asdict(arrays) | {"task": task, "way": timed[task], "now": now} for task in sorted(timed)]
    if rows:
        session.execute(_SETTLE, rows)
    settled = chosen(session, arrays)
    return {task: settled[task] for task in timed}
