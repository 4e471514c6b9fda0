"""What a translation refuses: a file of no known format, or one whose values its own tool would refuse."""

from __future__ import annotations


class TranslationError(Exception):
    """The file cannot be translated; the message says where it is wrong and what would be right."""
