"""The Idempotency-Key header of a submit: which keys are valid, and which bodies count as the same."""

from __future__ import annotations

import hashlib
import json
import re
from typing import Annotated, Any

from fastapi import Header
from pydantic import AfterValidator


def _key(text: str) -> str:
    if not re.fullmatch(r"[\x20-\x7e]{1,200}", text):
        raise ValueError(f"must be 1 to 200 printable ASCII characters, got {len(text)}: {text[:40]!r}")
    return text


def digest_of(document: Any) -> str:
    """The SHA-256 of a body, independent of the order of its keys and of white space."""
    plain = json.dumps(document, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(plain.encode("utf-8", "surrogatepass")).hexdigest()


Key = Annotated[
    Annotated[str, AfterValidator(_key)] | None,
    Header(
        alias="Idempotency-Key",
        description="Any text of your choice, such as a UUID. For at least a day, a request with the same "
        "key and the same body returns the sweep that the first one made, and waits for it while it is being "
        "planned; with another body it is refused.",
    ),
]
