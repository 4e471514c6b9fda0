"""What happens to tests whose server is not installed."""

from __future__ import annotations

import os
from typing import NoReturn

import pytest


class NotInstalled(Exception):
    """No program of that kind is on this machine; the words say what to install."""


def give_up(why: NotInstalled) -> NoReturn:
    """Skip in words on somebody's laptop; fail where CI promises that everything is there."""
    if os.environ.get("CI", "").lower() in ("1", "true"):
        pytest.fail(str(why), pytrace=False)
    pytest.skip(str(why))
