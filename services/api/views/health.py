"""Whether the process is up, and what it can do."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel


class Health(BaseModel):
    """The process is up."""

    status: Literal["up"] = "up"


class Ready(BaseModel):
    """What the API can do now; degraded: sweeps are taken, and sent when Redis is back."""

    status: Literal["ready", "degraded"]
    sql: str
    redis: str
    plugins: str
