"""What tests of plug-ins share: a folder of them, forgotten afterwards."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from loaded_plugins import plugins_from


@pytest.fixture
def plugin_folder(tmp_path: Path) -> Iterator[Path]:
    """An empty folder of plug-ins."""
    with plugins_from(tmp_path):
        yield tmp_path
