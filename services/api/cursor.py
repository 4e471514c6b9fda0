"""Where the next page of a list begins, as text that a client sends back unchanged."""

from __future__ import annotations

import base64
import json
from typing import Annotated, Any

from fastapi import Query

from services.domain.errors import ParameterError

Part = str | int | float | None
After = Annotated[
    str | None, Query(description="The `next` of the previous page; without it, the first page is returned")
]


def write(kind: str, *parts: Part) -> str:
    """Make the cursor that continues a list of this kind after the item with these keys."""
    plain = json.dumps([kind, *parts], separators=(",", ":"))
    return base64.urlsafe_b64encode(plain.encode()).decode().rstrip("=")


def read(kind: str, text: str, *types: type | tuple[type, ...]) -> list[Any]:
    """Read the keys in a cursor, one per type; `ParameterError` unless `write` made it for such a list."""
    try:
        padded = text.encode("ascii") + b"=" * (-len(text) % 4)
        document = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (ValueError, RecursionError):
        document = None
    keys = document[1:] if isinstance(document, list) and document[:1] == [kind] else None
    if keys is None or len(keys) != len(types) or not all(map(_fits, keys, types)):
        raise ParameterError(
            "query parameter after: must be the `next` of the previous page of the same list, unchanged; "
            f"got {text[:80]!r}"
        )
    return keys


def _fits(key: Any, kind: type | tuple[type, ...]) -> bool:
    in_range = not isinstance(key, int) or -(2**63) <= key < 2**63
    printable = not isinstance(key, str) or (key.isascii() and key.isprintable())
    return isinstance(key, kind) and not isinstance(key, bool) and in_range and printable
