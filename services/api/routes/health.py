"""Whether the process is up, and whether it can accept sweeps."""

from __future__ import annotations

import logging

from fastapi import APIRouter, HTTPException

from services.api.deps import ServicesDep
from services.api.views.health import HealthView, ReadyView

router = APIRouter(tags=["health"])
log = logging.getLogger(__name__)


@router.get("/health", summary="Check that the process is up")
async def health() -> HealthView:
    """The process answers; it checks no other service."""
    return HealthView()


@router.get("/ready", summary="Check whether sweeps can be accepted")
def ready(services: ServicesDep) -> ReadyView:
    """Check that SQL answers; without Redis, sweeps are still accepted and sent to workers later."""
    try:
        services.store.ping()
    except Exception as error:
        log.warning("not ready: sql: %s", error)
        raise HTTPException(503, "sql does not answer, or has no tables yet; redis was not checked") from None
    redis = services.publisher.reachable()
    return ReadyView(
        status="ready" if redis else "degraded",
        sql="ok",
        redis="ok" if redis else "away: sweeps are accepted and wait until it is back",
        plugins="; ".join(services.library.plugin_problems) or "ok",
    )
