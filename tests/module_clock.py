"""A clock for one module: the others, and the event loops of APIs that threads serve, keep the real one."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest


def set_clock(monkeypatch: pytest.MonkeyPatch, module: ModuleType, **functions: Callable[..., Any]) -> None:
    """Replace functions of `time` as one module sees them; it must `import time`."""
    monkeypatch.setattr(module, "time", SimpleNamespace(**vars(vars(module)["time"]) | functions))
