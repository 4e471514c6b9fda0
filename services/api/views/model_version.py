"""A version of a registered model, as JSON."""

from __future__ import annotations

from pydantic import BaseModel


class ModelVersionView(BaseModel):
    """A version of a registered model; `uri` is what MLflow loads it by."""

    sweep: str
    trial: str
    name: str
    version: str
    alias: str | None
    uri: str
    link: str | None  # to its page in MLflow
