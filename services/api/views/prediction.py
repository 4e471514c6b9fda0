"""What a model sees in an image, as JSON."""

from __future__ import annotations

from pydantic import BaseModel


class ClassView(BaseModel):
    """One class of an image; `probability` is null where the loss makes none of the scores."""

    index: int
    name: str | None
    score: float
    probability: float | None


class PredictionView(BaseModel):
    """What a model sees in an image: its classes, best first; of a regression the number is `value`."""

    trial: str
    classes: list[ClassView]
    value: float | None
