"""What a table or a text looks like on a wide terminal without colours."""

from __future__ import annotations

from collections.abc import Callable
from io import StringIO

import pytest
from rich.console import RenderableType

from services.cli.show.output import PlainConsole

Printed = Callable[[RenderableType], list[str]]


@pytest.fixture
def printed() -> Printed:
    """Print something; returns its lines, with every run of spaces as one space."""

    def lines(shown: RenderableType) -> list[str]:
        file = StringIO()
        PlainConsole(file).print(shown)
        return [" ".join(line.split()) for line in file.getvalue().splitlines()]

    return lines
