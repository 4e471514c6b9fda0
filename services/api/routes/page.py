"""The first page and the reference of the API: files for a browser, without data, so without a key."""

from __future__ import annotations

from functools import cache
from importlib import resources

from fastapi import APIRouter, HTTPException, Response

router = APIRouter(include_in_schema=False)

KINDS = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
HEADERS = {
    # Everything comes from here and nothing stands inline, so text that became markup could still do nothing.
    "Content-Security-Policy": (
        "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}


@router.api_route("/", methods=["GET", "HEAD"])
def first() -> Response:
    """The first page: sweeps, workers, results."""
    return _file("index.html")


@router.api_route("/docs", methods=["GET", "HEAD"])
def reference() -> Response:
    """Every route of the API, drawn from /openapi.json; it needs no internet."""
    return _file("reference.html")


@router.api_route("/page/{name}", methods=["GET", "HEAD"])
def part(name: str) -> Response:
    """A script, a style sheet or a picture of these pages."""
    return _file(name)


def _file(name: str) -> Response:
    files = _files()
    if name not in files:
        raise HTTPException(404)
    _, dot, ending = name.rpartition(".")
    return Response(files[name], headers=HEADERS, media_type=KINDS[dot + ending])


@cache
def _files() -> dict[str, bytes]:
    """Every file by name: a name that comes with a request is looked up, never opened."""
    folder = resources.files("services.api") / "page"
    return {file.name: file.read_bytes() for file in folder.iterdir() if file.name.endswith(tuple(KINDS))}
