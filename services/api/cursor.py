"""Where the next page of a list begins, as text that a client only passes back."""

from __future__ import annotations

import base64
import json
from typing import Annotated, Any

from fastapi import Query

from services.domain.errors import ParameterError

Part = str | int | float | None
After = Annotated[str | None, Query(description="`next` of the page before; without it, the first page")]


def write(kind: str, *parts: Part) -> str:
    """The cursor of a list of this kind behind the item with these keys."""
    plain = json.dumps([kind, *parts], separators=(",", ":"))
    return base64.urlsafe_b64encode(plain.encode()).decode().rstrip("=")


def read(kind: str, text: str, *types: type | tuple[type, ...]) -> list[Any]:
    """The keys in a cursor, one of each type; `ParameterError` unless `write` made it for such a list."""
    try:
        padded = text.encode("ascii") + b"=" * (-len(text) % 4)
        found = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (ValueError, RecursionError):
        found = None
    keys = found[1:] if isinstance(found, list) and found[:1] == [kind] else None
    if keys is None or len(keys) != len(types) or not all(map(_fits, keys, types)):
        raise ParameterError(
            "query parameter after: must be the `next` of the page before, unchanged and of the same list; "
            f"got {text[:80]!r}"
        )
    return keys


def _fits(key: Any, kind: type | tuple[type, ...]) -> bool:
    in_range = not isinstance(key, int) or -(2**63) <= key < 2**63
    printable = not isinstance(key, str) or (key.isascii() and key.isprintable())
    return isinstance(key, kind) and not isinstance(key, bool) and in_range and printable
