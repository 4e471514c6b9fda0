"""A folder of plug-ins for a test, with nothing of it left loaded afterwards."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cnnlab import plugins, registry


@contextmanager
def plugins_from(folder: Path) -> Iterator[None]:
    """Read plug-ins from a folder within a block."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CNNLAB_PLUGINS", str(folder))
        plugins.read.cache_clear()
        yield
    plugins.read.cache_clear()
    ours = [p for p, entry in registry._entries.items() if entry.__module__.startswith(plugins.PACKAGE)]
    for place in ours:
        del registry._entries[place]
    for module in [module for module in sys.modules if module.startswith(plugins.PACKAGE)]:
        del sys.modules[module]
