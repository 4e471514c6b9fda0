"""What tests of plug-ins share: a folder of them, forgotten afterwards."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cnnlab import plugins, registry


@pytest.fixture
def plugin_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty folder of plug-ins."""
    monkeypatch.setenv("CNNLAB_PLUGINS", str(tmp_path))
    plugins.read.cache_clear()
    yield tmp_path
    plugins.read.cache_clear()
    ours = [p for p, entry in registry._entries.items() if entry.__module__.startswith(plugins.PACKAGE)]
    for place in ours:
        del registry._entries[place]
    for module in [m for m in sys.modules if m.startswith(plugins.PACKAGE)]:
        del sys.modules[module]
