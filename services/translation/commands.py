"""Command lines of programs: which options they fix, and which they take from a template."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

TEMPLATE = re.compile(r"\$\{.*\}")


def options(words: list[str]) -> Iterator[tuple[str, Any]]:
    """Names and values of options: --epochs=5, --epochs and 5 as two words, or --amp alone, which is True."""
    for index, word in enumerate(words):
        name, equals, value = word.partition("=")
        if not name.startswith("--") or len(name) == 2:
            continue
        if not equals:
            after = words[index + 1] if index + 1 < len(words) else ""
            value = "" if after.startswith("--") else after
        yield name.lstrip("-"), value if value and value != "${args}" else True


def fixed_options(words: list[str]) -> list[tuple[str, Any]]:
    """The options whose value is no template."""
    return [(name, value) for name, value in options(words) if not TEMPLATE.search(str(value))]
