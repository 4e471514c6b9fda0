"""Whether the process is up, and whether it can do its work."""

from __future__ import annotations

import logging

from fastapi import APIRouter, HTTPException

from services.api.deps import Reached
from services.api.views.health import Health, Ready

router = APIRouter(tags=["health"])
log = logging.getLogger(__name__)


@router.get("/health", summary="Whether the process is up")
async def health() -> Health:
    """The process answers; it asks nobody else."""
    return Health()


@router.get("/ready", summary="Whether sweeps can be taken")
def ready(reached: Reached) -> Ready:
    """SQL answers; without Redis sweeps are still taken and dispatch sends them later."""
    try:
        reached.store.ping()
    except Exception as error:
        log.warning("not ready: sql: %s", error)
        raise HTTPException(503, "sql does not answer, or has no tables yet; redis was not asked") from None
    redis = reached.publisher.reachable()
    return Ready(
        status="ready" if redis else "degraded",
        sql="ok",
        redis="ok" if redis else "away: sweeps are taken and wait until it is back",
        plugins="; ".join(reached.library.plugin_problems) or "ok",
    )
