"""Makes empty figures and renders them; matplotlib is imported when the first one is drawn."""

from __future__ import annotations

import io
import warnings
from typing import TYPE_CHECKING

from services import escaping

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def figure(width: float, height: float, title: str = "") -> Figure:
    """Make an empty figure; width and height are in inches."""
    from matplotlib.figure import Figure

    made = Figure(figsize=(width, height), dpi=90, layout="constrained")
    if title:
        made.suptitle(title, fontsize="small")
    return made


def png(drawn: Figure) -> bytes:
    """Render as PNG."""
    _as_written(drawn)
    content = io.BytesIO()
    drawn.savefig(content, format="png")
    return content.getvalue()


def svg(drawn: Figure) -> str:
    """Render as SVG to embed in HTML: nothing before `<svg`, text as text, no date."""
    from matplotlib import rc_context

    _as_written(drawn)
    content = io.StringIO()
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": "cnnlab"}):
        drawn.savefig(content, format="svg", metadata={"Date": None})
    text = content.getvalue()
    return text[text.index("<svg") :]


def _as_written(drawn: Figure) -> None:
    """Have every text drawn as it is: a name may hold `$^$`, which as mathtext is an error."""
    from matplotlib.text import Text

    warnings.filterwarnings("ignore", message="Glyph .* missing from font")  # a box is drawn for it
    for text in drawn.findobj(Text):
        text.set_parse_math(False)
        text.set_usetex(False)
        text.set_text(escaping.figure(text.get_text()))
