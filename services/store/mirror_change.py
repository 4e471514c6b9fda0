"""A change of a sweep that MLflow may not have yet."""

from __future__ import annotations

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from services.store.table import Base, BigId


class MirrorChange(Base):
    """A change of a sweep that MLflow may not have yet; deleted once it has it."""

    __tablename__ = "mirror_changes"
    __table_args__ = (Index(None, "sweep_id", "id"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    sweep_id: Mapped[str] = mapped_column(ForeignKey("sweeps.id"))
