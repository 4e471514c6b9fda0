"""The Idempotency-Key of a submit: what it may be, and what counts as the same body."""

from __future__ import annotations

import hashlib
import json
import re
from typing import Annotated

from fastapi import Depends, Header, Request
from pydantic import AfterValidator


def _key(text: str) -> str:
    if not re.fullmatch(r"[\x20-\x7e]{1,200}", text):
        raise ValueError(f"must be 1 to 200 printable characters of ASCII, got {len(text)}: {text[:40]!r}")
    return text


async def _digest(request: Request) -> str:
    """The SHA-256 of the body, whatever the order of its keys and its white space."""
    document = json.loads(await request.body() or "null")
    plain = json.dumps(document, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(plain.encode("utf-8", "surrogatepass")).hexdigest()


Key = Annotated[
    Annotated[str, AfterValidator(_key)] | None,
    Header(
        alias="Idempotency-Key",
        description="Any text of your own, such as a UUID. The same key with the same body answers with the "
        "sweep that the first request made, for at least a day; with another body it is refused.",
    ),
]
Digest = Annotated[str, Depends(_digest)]
