"""The body of a submit: shown to readers as a spec, and checked in the thread that plans it."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, GetJsonSchemaHandler, ValidationError
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from services.domain.spec.spec import Spec


class ShownAs:
    """The annotation of a value that is not checked, but described as this model in the OpenAPI document."""

    def __init__(self, model: type[BaseModel]) -> None:
        self._model = model

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Describe the model in the value's place."""
        return handler(self._model.__pydantic_core_schema__)


UNPLANNED = frozenset({"name", "project", "description", "priority"})  # fields that no plan depends on
WrittenSpec = Annotated[Any, ShownAs(Spec)]


def read_spec(document: Any) -> Spec:
    """Read a spec; `RequestValidationError` for what is wrong, as for any body."""
    try:
        return Spec.model_validate(document)
    except ValidationError as error:
        faults = [{**fault, "loc": ("body", *fault["loc"])} for fault in error.errors(include_url=False)]
        raise RequestValidationError(faults, body=document) from None


def without_faults(document: Any, error: RequestValidationError) -> dict[str, Any] | None:
    """The document without the fields that are wrong; None where a plan would miss one of them."""
    if not isinstance(document, dict):
        return None
    wrong = {fault["loc"][1] for fault in error.errors()}
    if wrong & Spec.model_fields.keys() - UNPLANNED:
        return None
    return {"name": "unnamed", **{name: value for name, value in document.items() if name not in wrong}}
