"""services/api/known_fields.py: what else a body may have is named, by the names that the user writes."""

from __future__ import annotations

import pytest
from pydantic import Field, ValidationError

from services.api.known_fields import KnownFields


class Body(KnownFields):
    """Two fields, one under another name."""

    epochs: int = 0
    changes: int = Field(0, alias="set")


def test_its_own_fields_are_read() -> None:
    body = Body.model_validate({"epochs": 3, "set": 4})
    assert (body.epochs, body.changes) == (3, 4)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("epoch", "no field 'epoch' here. Did you mean 'epochs'? Known: epochs, set"),
        ("changes", "no field 'changes' here. Known: epochs, set"),
    ],
)
def test_any_other_field_is_refused(name: str, words: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Body.model_validate({name: 1})
    assert words in str(caught.value)


def test_what_is_no_object_is_left_to_the_model() -> None:
    with pytest.raises(ValidationError, match="valid dictionary"):
        Body.model_validate([1])
