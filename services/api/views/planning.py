"""What a submit answers that is still being planned, as JSON."""

from __future__ import annotations

from pydantic import BaseModel


class PlanningView(BaseModel):
    """The sweep is being planned; the same request with the same Idempotency-Key waits for it again."""

    planning_seconds: float
    detail: str
