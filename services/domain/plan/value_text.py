"""A hyperparameter's value as people read it: `0.05`, `1e-4`, `[16, 32]`, `adam`, `none`."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

DIGITS = 6  # significant digits of a number, unless all are asked for
PLAIN_EXPONENTS = range(-3, 6)  # powers of ten written out: from 0.001 to 999,999
AMBIGUOUS = set(',()[]"')  # characters that separate values: text with one of them stands in quotes


def value_text(value: Any, *, exact: bool = False) -> str:
    """The value in few characters; an entry by its name, a number to six digits unless `exact`."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return _number(value, exact)
    if isinstance(value, str):
        return _quoted(value)
    if isinstance(value, list):
        return f"[{', '.join(value_text(each, exact=exact) for each in value)}]"
    if isinstance(value, Mapping):
        if "name" in value:
            return value_text(value["name"])
        return f"({', '.join(f'{key} {value_text(each, exact=exact)}' for key, each in value.items())})"
    return str(value)


def _number(value: float, exact: bool) -> str:
    if not math.isfinite(value):
        return str(value)
    if value == 0:
        return "0"
    number = Decimal(repr(value) if exact else f"{value:.{DIGITS}g}")
    exponent = number.adjusted()
    if exponent in PLAIN_EXPONENTS:
        return f"{number.normalize():f}"
    return f"{number.scaleb(-exponent).normalize():f}e{exponent}"


def _quoted(text: str) -> str:
    plain = text.isprintable() and text == text.strip() and not AMBIGUOUS & set(text)
    return text if text and plain else json.dumps(text, ensure_ascii=False)
