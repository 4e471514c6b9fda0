"""A sweep's axes: the mean effect of each value on the objective, and how important each axis is."""

from __future__ import annotations

from fastapi import APIRouter

from services.api.analyses import AtEpoch
from services.api.deps import ServicesDep
from services.api.views.effects import EffectsView, effects_view

router = APIRouter(tags=["sweeps"])


@router.get("/sweeps/{sweep_id}/effects", summary="Show the effects of a sweep's axes")
def show_effects(sweep_id: str, services: ServicesDep, epoch: AtEpoch = None) -> EffectsView:
    """The mean effect of each value of each axis, with 95 % intervals, and each axis's importance.

    Points are compared at their last epochs or, if early stopping has ended some, at the last epoch that all
    of them have reached; `epoch` chooses another one. How many trials are left out, and why, is counted.
    Ranges are cut into four bins that hold about as many points each.
    """
    results = services.analyses.results(services.store, sweep_id, epoch)
    objective = results.sweep.spec.objective
    return effects_view(services.analyses.effects(results, epoch), objective, results.epochs)
