"""JSON columns that hold a pydantic model: written as its JSON, validated at its first use."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ValidationError
from sqlalchemy import JSON, Dialect
from sqlalchemy.types import TypeDecorator

M = TypeVar("M", bound=BaseModel)


class Stored(Generic[M]):
    """What a row holds: a model, or JSON that is not yet a model and may turn out to be none.

    So a row that another version wrote, or a hand has edited, can still be listed and moved.
    """

    def __init__(self, model: type[M], value: M | None = None, raw: Any = None) -> None:
        self._model, self._value, self._raw = model, value, raw

    def read(self) -> M:
        """Return the model, decoded once; ValueError if the column holds something else."""
        if self._value is None:
            if isinstance(self._raw, ValueError):
                raise self._raw
            try:
                self._value = self._model.model_validate(self._raw)
            except ValidationError as error:
                raise ValueError(_first_fault(error)) from error
        return self._value


def is_readable(stored: Stored[Any]) -> bool:
    """Whether what a row holds is a model."""
    try:
        stored.read()
    except ValueError:
        return False
    return True


class JsonModel(TypeDecorator[Stored[M]], Generic[M]):
    """A JSON column whose value in Python is a `Stored` model."""

    impl = JSON
    cache_ok = True

    def __init__(self, model: type[M]) -> None:
        super().__init__()
        self.model = model

    def process_bind_param(self, value: Stored[M] | None, dialect: Dialect) -> Any:
        """Turn the model into what JSON can hold."""
        return None if value is None else value.read().model_dump(mode="json")

    def process_result_value(self, value: Any, dialect: Dialect) -> Stored[M] | None:
        """Keep the parsed JSON until somebody asks for the model."""
        return None if value is None else Stored(self.model, raw=value)

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], Any] | None:
        """Keep text that is no JSON too: SQLite takes any."""
        parse = super().result_processor(dialect, coltype)
        assert parse is not None

        def process(value: Any) -> Any:
            try:
                return parse(value)
            except ValueError as error:
                return Stored(self.model, raw=error)

        return process


def _first_fault(error: ValidationError) -> str:
    """Where the first of the faults is, and what it is."""
    first, count = error.errors(include_url=False)[0], error.error_count()
    place = ".".join(map(str, first["loc"])) or "its top"
    more = f" (and {count - 1} more faults)" if count > 1 else ""
    return f"at {place}, {first['msg'][:1].lower()}{first['msg'][1:]}{more}"
