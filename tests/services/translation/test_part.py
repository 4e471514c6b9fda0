"""services/translation/part.py."""

from __future__ import annotations

import pytest

from services.translation.errors import TranslationError
from services.translation.part import MAX_SHOWN_CHARS, FilePart, number, shown


def test_what_nobody_has_taken_is_left_also_below_and_in_lists() -> None:
    part = FilePart({"a": 1, "b": {"c": 2, "d": 3}, "e": [{"f": 4, "g": 5}], "h": {"i": 6}})
    assert part.take("a") == 1
    assert part.part("b").take("c") == 2
    [inside] = part.each("e")
    assert inside.take("f") == 4
    assert dict(part.left()) == {"h": {"i": 6}, "b.d": 3, "e[0].g": 5}


def test_a_missing_key_is_empty_and_leaves_nothing() -> None:
    part = FilePart({"null": None})
    assert (part.take("a"), part.number("a"), part.whole("a"), part.text("a")) == (None, None, None, "")
    assert (part.listed("a"), list(part.part("a")), part.each("a"), part.part("null").text("b")) == (
        [],
        [],
        [],
        "",
    )
    assert list(part.left()) == []
    assert "a" not in part


@pytest.mark.parametrize(
    ("value", "read", "words"),
    [
        ({"a": {"b": 3}}, lambda part: part.part("a").text("b"), "a.b must be text, got 3"),
        ({"a": 3}, lambda part: part.listed("a"), "a must be a list, got 3"),
        ({"a": [3]}, lambda part: part.part("a"), r"a must be a mapping, got \[3\]"),
        ({"a": [3]}, lambda part: part.each("a"), r"a\[0\] must be a mapping, got 3"),
        ({"a": "x"}, lambda part: part.number("a"), "a must be a number, got x"),
        ({"a": True}, lambda part: part.number("a"), "a must be a number, got true"),
        ({"a": 1.5}, lambda part: part.whole("a"), "a must be an integer, got 1.5"),
        ({"a": "nan"}, lambda part: part.number("a"), r"a must be a number up to 2\^53, got nan"),
        ({"a": 1e300}, lambda part: part.number("a"), r"a must be a number up to 2\^53, got 1e\+300"),
    ],
)
def test_a_value_of_another_kind_is_refused_with_its_place(value, read, words) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(TranslationError, match=words):
        read(FilePart(value))


def test_numbers_in_text_stay_integers_where_they_are() -> None:
    assert [number(text, "a") for text in ("3", "0.5", "1e-3", 7)] == [3, 0.5, 0.001, 7]
    assert isinstance(number("3", "a"), int)


def test_a_long_value_is_cut_off() -> None:
    assert shown({"a": [1, None, "é"]}) == '{"a": [1, null, "é"]}'
    assert shown("a\n  b") == "a b"
    assert len(shown("x" * 1000)) == MAX_SHOWN_CHARS
    assert shown("x" * 1000).endswith("…")
