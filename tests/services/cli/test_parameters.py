"""services/cli/parameters.py: what several commands refuse alike."""

from __future__ import annotations

from collections.abc import Callable

import pytest

Run = Callable[..., tuple[int, str, str]]


@pytest.mark.parametrize("command", ["show", "cancel", "best", "trace", "watch"])
def test_an_empty_id_is_refused_before_the_api_is_asked(run: Run, command: str) -> None:
    code, _, err = run(command, "")
    assert code == 2
    assert "an id is needed, got ''" in err
