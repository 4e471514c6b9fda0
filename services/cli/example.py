"""The example sweep that hints name: where it is, seen from the current folder."""

from __future__ import annotations

from pathlib import Path

import services

EXAMPLE = Path(services.__path__[0]).parent / "examples" / "dropout-grid.yaml"


def shown() -> str:
    """Its path, relative in the project's own folder; any name where the package has no examples."""
    if not EXAMPLE.is_file():
        return "sweep.yaml"
    here = Path.cwd()
    return str(EXAMPLE.relative_to(here) if EXAMPLE.is_relative_to(here) else EXAMPLE)
