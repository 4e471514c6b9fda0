"""Names in any alphabet, and the few that are refused."""

from __future__ import annotations

import unicodedata

import pytest
from paper_catalog import paper_spec
from pydantic import ValidationError
from strange_names import STRANGE

from services.domain.spec.display_name import MAX_NAME_CHARS
from services.domain.spec.spec import Spec


@pytest.mark.parametrize("name", STRANGE)
def test_any_letters_are_a_name_and_stay_what_they_are(name: str) -> None:
    spec = paper_spec(name=name, project=name)
    assert (spec.name, spec.project) == (name, name)
    assert Spec.model_validate(spec.model_dump(mode="json")) == spec


def test_a_name_is_normalized_so_that_equal_ones_are_equal() -> None:
    typed = unicodedata.normalize("NFD", "größé")
    assert typed != "größé"
    spec = paper_spec(name=typed, project=typed, description=typed)
    assert (spec.name, spec.project, spec.description) == ("größé", "größé", "größé")


@pytest.mark.parametrize("field", ["name", "project"])
@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("", "must have a letter, a digit or another sign that can be seen, got ''"),
        ("  ", "must have a letter, a digit or another sign that can be seen, got '  '"),
        ("\u3000", "must have a letter"),
        ("\u200b\u200d", "must have a letter"),
        (" a", "must neither begin nor end with a space, such as 'a', got ' a'"),
        ("a\u00a0", "must neither begin nor end with a space"),
        ("a\nb", "must be one line without control characters, got U\\+000A at character 2"),
        ("a\tb", "U\\+0009 at character 2"),
        ("\x00", "U\\+0000 at character 1"),
        ("a\x1b[31m", "U\\+001B"),
        ("a\x9b", "U\\+009B"),
        ("a\u202eb", "U\\+202E"),
        ("a\u2028b", "U\\+2028"),
        ("a\ufffe", "U\\+FFFE"),
        ("a\ud800", "U\\+D800"),
        ("a" * (MAX_NAME_CHARS + 1), "at most 100 characters"),
        (5, "valid string"),
        (["a"], "valid string"),
    ],
)
def test_a_name_that_cannot_be_is_refused(field: str, given: object, words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        paper_spec(**{"name": "a", field: given})


def test_a_name_may_be_as_long_as_the_limit() -> None:
    assert len(paper_spec(name="界" * MAX_NAME_CHARS).name) == MAX_NAME_CHARS


def test_a_description_has_lines_and_no_control_characters() -> None:
    assert paper_spec(description="one\r\ntwo\tthree").description == "one\ntwo\tthree"
    with pytest.raises(ValidationError, match=r"besides tabs and line breaks, got U\+0007 at character 2"):
        paper_spec(description="a\x07")
