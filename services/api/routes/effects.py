"""A sweep's axes: the mean effect of each value on the objective, and how important each axis is."""

from __future__ import annotations

from fastapi import APIRouter

from services.api.analyses import read_results
from services.api.deps import ServicesDep
from services.api.views.effects import EffectsView, effects_view

router = APIRouter(tags=["sweeps"])


@router.get("/sweeps/{sweep_id}/effects", summary="Show the effects of a sweep's axes")
def show_effects(sweep_id: str, services: ServicesDep) -> EffectsView:
    """The mean effect of each value of each axis, with 95 % intervals, and each axis's importance.

    Only points whose trials have all trained to their last epoch are compared; how many trials are left out,
    and why, is counted. Ranges are cut into four bins that hold about as many points each.
    """
    results = read_results(services.store, sweep_id)
    return effects_view(services.analyses.effects(results), results.sweep.spec.objective)
