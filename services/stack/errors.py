"""What keeps the stack from starting, said in words."""

from __future__ import annotations


class StackError(Exception):
    """The stack cannot start or go on; the text tells the user what to change."""
