"""The body of a submit: shown to readers as a spec, and checked in the thread that plans it."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, GetJsonSchemaHandler, ValidationError
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from services.api.validation import problems_of
from services.domain.planning.problems import Problems
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


TIES = frozenset({"zip", "constraints"})
COUNTS = frozenset({"search", "max_trials"})
WrittenSpec = Annotated[Any, ShownAs(Spec)]


def read_spec(document: Any) -> Spec:
    """Read a spec; `RequestValidationError` for what is wrong, as for any body."""
    try:
        return Spec.model_validate(document)
    except ValidationError as error:
        faults = [{**fault, "loc": ("body", *fault["loc"])} for fault in error.errors(include_url=False)]
        raise RequestValidationError(faults, body=document) from None


def without_faults(document: Any, error: RequestValidationError) -> tuple[dict[str, Any], Problems] | None:
    """What is left of a document without the axes and the other fields that are wrong, and these faults.

    None where the document is no object.
    """
    if not isinstance(document, dict):
        return None
    wrong, axes = set[str](), set[str]()
    space = document.get("space")
    for field, *inside in (fault["loc"][1:] for fault in error.errors()):
        if field == "space" and inside and isinstance(space, dict) and inside[0] in space:
            axes.add(inside[0])
        else:
            wrong.add(field)
    if "space" in wrong:
        wrong |= TIES  # they name its axes
    kept = {name: value for name, value in document.items() if name not in wrong}
    if axes and "space" not in wrong:
        kept["space"] = {name: axis for name, axis in document["space"].items() if name not in axes}
    problems = Problems(problems_of(error), axes)
    problems.untied = bool(wrong & TIES)
    problems.uncounted = bool(wrong & COUNTS)
    return {"name": "unnamed", **kept}, problems
