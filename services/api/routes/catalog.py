"""What a spec can name: models, data sets, optimizers and all other entries, with their hyperparameters."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from services.api.deps import Reached
from services.domain.errors import NotFound, nearest

router = APIRouter(tags=["catalog"])


@router.get("/catalog", summary="What a spec can name")
def everything(reached: Reached) -> dict[str, dict[str, dict[str, Any]]]:
    """Every kind with every entry."""
    return reached.library.descriptions


@router.get("/catalog/{kind}/{name}", summary="One entry of the catalog")
def entry(kind: str, name: str, reached: Reached) -> dict[str, Any]:
    """One entry: what it is, and its hyperparameters with their defaults and ranges."""
    kinds = reached.library.descriptions
    if kind not in kinds:
        raise NotFound(f"no kind {kind!r}.{nearest(kind, kinds)} Known: {', '.join(kinds)}")
    if name not in kinds[kind]:
        raise NotFound(f"no {name!r} in {kind}.{nearest(name, kinds[kind])} Known: {', '.join(kinds[kind])}")
    return {"kind": kind, "name": name, **kinds[kind][name]}
