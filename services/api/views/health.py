"""Whether the process is up, and what it can do, as JSON."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel


class HealthView(BaseModel):
    """The process is up."""

    status: Literal["up"] = "up"


class ReadyView(BaseModel):
    """What the API can do now; degraded: sweeps are accepted, and sent to workers when Redis is back."""

    status: Literal["ready", "degraded"]
    sql: str
    redis: str
    plugins: str
