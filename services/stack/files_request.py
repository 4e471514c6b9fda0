"""The request that uploads several files, in MLflow's application: `services/tracking/runs_endpoint.py`.

Each path is checked and each file written by what MLflow's own upload uses, in the folder of artifacts.
"""

from __future__ import annotations

import json
import posixpath
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from flask import Flask, request

from services.tracking import runs_endpoint

BODY = 'a line of JSON, {"files": [[path, bytes], …]}, and the contents of all files; got '
MAX_SHOWN_CHARS = 80  # of a body that is none


def add_to(app: Flask, handlers: Any) -> None:
    """Add the request; `handlers` is MLflow's module."""

    @app.put(f"/api/2.0/mlflow/{runs_endpoint.FILES}")
    @handlers.catch_mlflow_exception  # type: ignore[untyped-decorator]
    def write_files() -> tuple[dict[str, Any], int]:
        body = request.get_data()
        files = read(body)
        if files is None:
            shown = body[:MAX_SHOWN_CHARS].decode(errors="replace")
            message = f"the body must be {BODY}{shown!r}"
            return {"error_code": "INVALID_PARAMETER_VALUE", "message": message}, 400
        safe = [(handlers.validate_path_is_safe(path), content) for path, content in files]
        write(handlers._get_artifact_repo_mlflow_artifacts, safe)
        return {}, 200


def read(body: bytes) -> list[tuple[str, bytes]] | None:
    """Read files with their paths; None if the body is not as it should be."""
    head, _, content = body.partition(b"\n")
    try:
        listed = [(path, size) for path, size in json.loads(head)["files"]]
    except (ValueError, TypeError, KeyError):
        return None
    if not all(_is_file(path) and type(size) is int and size >= 0 for path, size in listed):
        return None
    if sum(size for _, size in listed) != len(content):
        return None
    found, start = [], 0
    for path, size in listed:
        found.append((path, content[start : start + size]))
        start += size
    return found


def _is_file(path: Any) -> bool:
    return isinstance(path, str) and posixpath.basename(path) not in ("", ".")


def write(repository: Callable[[], Any], files: list[tuple[str, bytes]]) -> None:
    """Write files as MLflow's own upload does, from a folder of temporary ones."""
    with tempfile.TemporaryDirectory() as folder:
        for path, content in files:
            place, name = posixpath.split(path)
            temporary = Path(folder, name)
            temporary.write_bytes(content)
            repository().log_artifact(str(temporary), artifact_path=place or None)
