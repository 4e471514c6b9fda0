"""Parts of an SVG document as text: every name that users gave goes through `escaping.svg`."""

from __future__ import annotations

from collections.abc import Iterable

from services import escaping

INK, QUIET, GRID = "#1b1b1f", "#5c5c66", "#e3e3e8"
FONT_SIZE = 11  # px
MAX_LINE_CHARS = 110  # of a title; what is longer is cut
MEDIA_TYPE = "image/svg+xml"


def document(width: float, height: float, title: str, parts: Iterable[str]) -> str:
    """A whole document on white, which runs and loads nothing; `title` is for who cannot see it."""
    size = f'width="{number(width)}" height="{number(height)}" viewBox="0 0 {number(width)} {number(height)}"'
    body = "\n".join(part for part in parts if part)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" '
        f'font-family="system-ui, sans-serif" font-size="{FONT_SIZE}">\n'
        f"<title>{escaping.svg(title)}</title>\n"
        f'<rect width="100%" height="100%" fill="#fff"/>\n{body}\n</svg>\n'
    )


def text(x: float, y: float, content: str, *, anchor: str = "start", fill: str = INK, turn: float = 0) -> str:
    """One line of text; `turn` is in degrees around its place."""
    turned = f' transform="rotate({number(turn)} {number(x)} {number(y)})"' if turn else ""
    aligned = f' text-anchor="{anchor}"' if anchor != "start" else ""
    return (
        f'<text x="{number(x)}" y="{number(y)}" fill="{fill}"{aligned}{turned}>{escaping.svg(content)}</text>'
    )


def heading(x: float, lines: Iterable[str]) -> list[str]:
    """The lines above a figure, from its top; what is too long is cut."""
    return [text(x, 16 + 15 * place, shortened(line, MAX_LINE_CHARS)) for place, line in enumerate(lines)]


def path(d: str, *, stroke: str = "none", fill: str = "none", width: float = 1) -> str:
    """A path."""
    line = f' stroke="{stroke}" stroke-width="{number(width)}" stroke-linejoin="round"'
    return f'<path d="{d}" fill="{fill}"{line if stroke != "none" else ""}/>'


def number(value: float) -> str:
    """A coordinate with two decimals at most."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


def shortened(content: str, chars: int) -> str:
    """A text of so many characters at most."""
    return content if len(content) <= chars else f"{content[: chars - 1]}…"
