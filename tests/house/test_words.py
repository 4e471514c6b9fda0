"""docs/words.md stays short: a project with many private words is hard to join."""

from __future__ import annotations

from pathlib import Path

TEXT = (Path(__file__).parents[2] / "docs" / "words.md").read_text(encoding="utf-8")
MAX_WORDS = 14


def test_the_project_has_few_private_words() -> None:
    words = [line for line in TEXT.splitlines() if line.startswith("| **")]
    assert words, "the pattern that finds words does not fit the page any more"
    assert len(words) <= MAX_WORDS, (
        f"{len(words)} private words, the most is {MAX_WORDS}: use the field's own"
    )
