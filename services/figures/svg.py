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


def text(
    x: float,
    y: float,
    content: str,
    *,
    anchor: str = "start",
    fill: str = INK,
    turn: float = 0,
    bold: bool = False,
    halo: bool = False,
) -> str:
    """One line of text; `turn` is in degrees around its place, a `halo` parts it from lines behind it."""
    form = f' text-anchor="{anchor}"' if anchor != "start" else ""
    form += f' transform="rotate({number(turn)} {number(x)} {number(y)})"' if turn else ""
    form += ' font-weight="600"' if bold else ""
    form += ' paint-order="stroke" stroke="#fff" stroke-width="3" stroke-linejoin="round"' if halo else ""
    return f'<text x="{number(x)}" y="{number(y)}" fill="{fill}"{form}>{escaping.svg(content)}</text>'


def heading(x: float, lines: Iterable[str]) -> list[str]:
    """The lines above a figure, from its top; what is too long is cut."""
    return [text(x, 16 + 15 * place, shortened(line, MAX_LINE_CHARS)) for place, line in enumerate(lines)]


def path(d: str, *, stroke: str = "none", fill: str = "none", width: float = 1, opacity: float = 1) -> str:
    """A path; `opacity` is that of its stroke."""
    line = f' stroke="{stroke}" stroke-width="{number(width)}" stroke-linejoin="round"'
    faint = f' stroke-opacity="{number(opacity)}"' if opacity < 1 else ""
    return f'<path d="{d}" fill="{fill}"{line + faint if stroke != "none" else ""}/>'


def dots(places: Iterable[tuple[float, float]], *, fill: str, size: float, opacity: float = 1) -> str:
    """Dots of `size` px across as one path of round ends, in a quarter of the text of that many circles."""
    d = "".join(f"M{number(x)} {number(y)}h0" for x, y in places)
    drawn = path(d, stroke=fill, width=size, opacity=opacity)
    return drawn.replace("/>", ' stroke-linecap="round"/>') if d else ""


def number(value: float) -> str:
    """A coordinate with two decimals at most."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


def shortened(content: str, chars: int) -> str:
    """A text of so many characters at most."""
    return content if len(content) <= chars else f"{content[: chars - 1]}…"
