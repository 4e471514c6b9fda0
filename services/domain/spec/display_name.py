"""The names of sweeps and projects: one line in any alphabet, the same characters however it was typed."""

from __future__ import annotations

import unicodedata
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from services import escaping

MAX_NAME_CHARS = 100
UNSEEN_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Mn", "Me", "Mc", "Zs", "Zl", "Zp"})


def normal(text: str) -> str:
    """The text in Unicode's form NFC, in which equal texts have equal characters.

    Source: Unicode Standard Annex 15, "Unicode normalization forms".
    """
    return unicodedata.normalize("NFC", text)


def _named(given: Any) -> Any:
    if not isinstance(given, str):
        return given
    if found := escaping.CONTROL_OR_LINE.search(given) or escaping.NO_CHARACTER.search(given):
        code = f"U+{ord(found[0]):04X}"
        raise ValueError(
            f"must be one line without control characters, got {code} at character {found.start() + 1}"
        )
    if all(unicodedata.category(each) in UNSEEN_CATEGORIES for each in given):
        raise ValueError(f"must have a letter, a digit or another sign that can be seen, got {given!r}")
    if given != given.strip():
        raise ValueError(f"must neither begin nor end with a space, such as {given.strip()!r}, got {given!r}")
    return normal(given)


def _described(given: Any) -> Any:
    if not isinstance(given, str):
        return given
    text = given.replace("\r\n", "\n")
    if found := escaping.CONTROL.search(text):
        raise ValueError(
            "must be text without control characters, besides tabs and line breaks, "
            f"got U+{ord(found[0]):04X} at character {found.start() + 1}"
        )
    return normal(text)


Name = Annotated[str, Field(max_length=MAX_NAME_CHARS), BeforeValidator(_named)]
Description = Annotated[str, Field(max_length=2000), BeforeValidator(_described)]
