"""Why the stack cannot start or continue."""

from __future__ import annotations


class StackError(Exception):
    """The stack cannot start or continue; the message is for the user and names what to change."""
