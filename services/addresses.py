"""Addresses as they may be shown: without the user and the password that one can hold."""

from __future__ import annotations

import re

CREDENTIALS = re.compile(r"(?<=://)[^/?#\s\"'<>]*@")  # RFC 3986, section 3.2.1; a password may hold a bare @


def without_passwords(text: str) -> str:
    """The text, with no user and no password in any address that it contains."""
    return CREDENTIALS.sub("", text)
