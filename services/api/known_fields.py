"""The body of a request that has few fields: any other field is refused with the names of these."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, model_validator

from services.domain.errors import nearest


class KnownFields(BaseModel):
    """A body with the fields of its class and no others."""

    model_config = ConfigDict(extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _known(cls, given: Any) -> Any:
        known = [field.alias or name for name, field in cls.model_fields.items()]
        for name in given if isinstance(given, Mapping) else ():
            if name not in known:
                hint = nearest(str(name), known)
                raise ValueError(f"no field {name!r} here.{hint} Known: {', '.join(known)}")
        return given
