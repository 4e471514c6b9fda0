"""services/cli/show/paragraph.py."""

from __future__ import annotations

from io import StringIO

from rich.console import Console

from services.cli.show.paragraph import Paragraph, wrapped


def printed(text: str, width: int, terminal: bool = True) -> list[str]:
    file = StringIO()
    console = Console(file=file, width=width, force_terminal=terminal, color_system=None, soft_wrap=True)
    console.print(Paragraph(text))
    return file.getvalue().splitlines()


def test_words_are_never_broken() -> None:
    assert list(wrapped(["a", "bc", "def", "ghij"], 4)) == ["a bc", "def", "ghij"]
    assert list(wrapped(["longer", "a"], 4)) == ["longer", "a"]
    assert list(wrapped([], 4)) == []


def test_further_lines_are_indented() -> None:
    assert printed("best (symmetric-saturating-linear, lr 0.1)", 32) == [
        "best",
        "  (symmetric-saturating-linear,",
        "  lr 0.1)",
    ]
    assert printed("  → put [that] right", 14) == ["  → put", "    [that]", "    right"]


def test_a_pipe_gets_one_line() -> None:
    assert printed("one two three", 5, terminal=False) == ["one two three"]
    assert printed("one two", 7) == ["one two"]
