"""A figure as an answer: an SVG document that a browser may open by itself."""

from __future__ import annotations

from typing import Self

from fastapi import Response

from services.figures import svg

# Opened by itself, a figure runs and loads nothing but the pixels that it holds.
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; img-src data:",
    "X-Content-Type-Options": "nosniff",
}


class SvgResponse(Response):
    """An SVG document."""

    media_type = svg.MEDIA_TYPE

    @classmethod
    def drawn(cls, document: str) -> Self:
        """The answer that holds a drawn figure."""
        return cls(document, headers=HEADERS)
