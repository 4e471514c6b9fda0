"""A spec is described in full where it is sent, and read where it is planned."""

from __future__ import annotations

import pytest
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel

from services.api.written_spec import WrittenSpec, read_spec
from services.domain.spec.spec import Spec


class Submit(BaseModel):
    """A model with a spec in it."""

    spec: WrittenSpec


def test_the_description_is_that_of_a_spec() -> None:
    schema = Submit.model_json_schema()
    assert schema["properties"]["spec"] == {"$ref": "#/$defs/Spec"}
    whole = Spec.model_json_schema()
    assert schema["$defs"]["Spec"]["properties"] == whole["properties"]
    assert schema["$defs"].keys() == whole["$defs"].keys() | {"Spec"}


def test_nothing_is_checked_before_it_is_read() -> None:
    assert Submit(spec={"nmae": 1}).spec == {"nmae": 1}


def test_a_spec_is_read_and_faults_lie_in_the_body() -> None:
    assert read_spec({"name": "a"}) == Spec(name="a")
    with pytest.raises(RequestValidationError) as caught:
        read_spec({"name": "a", "seeds": 0, "modle": 1})
    assert [fault["loc"] for fault in caught.value.errors()] == [("body", "seeds"), ("body", "modle")]
    assert caught.value.body == {"name": "a", "seeds": 0, "modle": 1}
    with pytest.raises(RequestValidationError):
        read_spec(None)
