"""JSON columns that hold a pydantic model: written as its JSON, read as a validated model."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

from pydantic import BaseModel
from sqlalchemy import JSON, Dialect
from sqlalchemy.types import TypeDecorator

M = TypeVar("M", bound=BaseModel)


class JsonModel(TypeDecorator[M], Generic[M]):
    """A JSON column whose value in Python is a frozen model.

    A fetched row is validated once, in about the time that parsing its JSON takes; the object that a session
    returns keeps the model.
    """

    impl = JSON
    cache_ok = True

    def __init__(self, model: type[M]) -> None:
        super().__init__()
        self.model = model

    def process_bind_param(self, value: M | None, dialect: Dialect) -> Any:
        """Turn the model into what JSON can hold."""
        return None if value is None else value.model_dump(mode="json")

    def process_result_value(self, value: Any, dialect: Dialect) -> M | None:
        """Turn parsed JSON into the model."""
        return None if value is None else self.model.model_validate(value)
