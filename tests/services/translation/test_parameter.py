"""services/translation/parameter.py."""

from __future__ import annotations

import pytest

from services.translation.errors import TranslationError
from services.translation.parameter import Fixed, Interval, OneOfValues, interval, listed


def test_ends_that_are_equal_are_one_value() -> None:
    assert interval("lr", 0.1, 0.1) == Fixed(0.1)
    assert interval("lr", 1, 2, log=True, whole=True) == Interval(1, 2, log=True, whole=True)


@pytest.mark.parametrize(
    ("ends", "form", "words"),
    [
        ((2, 1), {}, "lr must have its lower end below the upper one, got 2 and 1"),
        ((0, 1), {"log": True}, "lr is logarithmic and must begin above 0, got 0"),
        ((0, 1), {"step": 0}, "lr must have a step above 0, got 0"),
    ],
)
def test_what_is_no_range_is_refused(ends, form, words) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(TranslationError, match=words):
        interval("lr", *ends, **form)


def test_a_value_is_listed_once_and_true_is_not_1() -> None:
    assert listed("a", [1, 1, True, 1.0, "1", [2], [2]]) == OneOfValues((1, True, 1.0, "1", [2]))
    with pytest.raises(TranslationError, match="a must list at least one value, got none"):
        listed("a", [])
