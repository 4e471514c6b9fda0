"""The catalog: models, data sets, optimizers and every other entry that a spec can name."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from services.api.deps import ServicesDep
from services.domain.errors import NotFound, nearest

router = APIRouter(tags=["catalog"])


@router.get("/catalog", summary="List what a spec can name")
def list_catalog(services: ServicesDep) -> dict[str, dict[str, dict[str, Any]]]:
    """Every entry by kind and name, with its hyperparameters."""
    return services.library.descriptions


@router.get("/catalog/{kind}/{name}", summary="Show an entry of the catalog")
def show_entry(kind: str, name: str, services: ServicesDep) -> dict[str, Any]:
    """One entry: its documentation, and its hyperparameters with their defaults and ranges."""
    kinds = services.library.descriptions
    if kind not in kinds:
        raise NotFound(f"no kind {kind!r} in the catalog.{nearest(kind, kinds)} Known: {', '.join(kinds)}")
    if name not in kinds[kind]:
        raise NotFound(f"no {name!r} in {kind}.{nearest(name, kinds[kind])} Known: {', '.join(kinds[kind])}")
    return {"kind": kind, "name": name, **kinds[kind][name]}
