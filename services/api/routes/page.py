"""The web page and the API reference: files for a browser that hold no data and so need no key."""

from __future__ import annotations

from functools import cache
from importlib import resources

from fastapi import APIRouter, HTTPException, Response

router = APIRouter(include_in_schema=False)

CONTENT_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
SECURITY_HEADERS = {
    # Everything is loaded from here and nothing is inline, so text that became markup could still do no harm.
    # Figures are fetched with the key and shown as images, whose addresses then are blobs.
    "Content-Security-Policy": (
        "default-src 'self'; img-src 'self' blob:; object-src 'none'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}


@router.api_route("/", methods=["GET", "HEAD"])
def first() -> Response:
    """The web page: sweeps, workers, results."""
    return _file("index.html")


@router.api_route("/docs", methods=["GET", "HEAD"])
def reference() -> Response:
    """The API reference, made from /openapi.json without the internet."""
    return _file("reference.html")


@router.api_route("/page/{name}", methods=["GET", "HEAD"])
def part(name: str) -> Response:
    """A script, a style sheet or an image of these pages."""
    return _file(name)


def _file(name: str) -> Response:
    files = _files()
    if name not in files:
        raise HTTPException(404)
    _, dot, ending = name.rpartition(".")
    return Response(files[name], headers=SECURITY_HEADERS, media_type=CONTENT_TYPES[dot + ending])


@cache
def _files() -> dict[str, bytes]:
    """Every file by name; the name in a request is looked up here and never opened as a path."""
    folder = resources.files("services.api") / "page"
    return {
        file.name: file.read_bytes() for file in folder.iterdir() if file.name.endswith(tuple(CONTENT_TYPES))
    }
