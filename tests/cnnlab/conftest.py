"""What tests share: a folder of plug-ins, forgotten afterwards; which tests run with and without kernels."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from loaded_plugins import plugins_from

from cnnlab.kernels import conv_max, norm

# What the id of a test has in it that runs a compiled operation: `make test` runs it once more without.
COMPILED = (
    "lenet5", "[lenet]", "vgg", "googlenet", "conv_max", "conv-max", "row_by_row", "row_block", "norm",
    "resnet", "residual", "population", "test_cnn", "[cnn", "-cnn",
)  # fmt: skip


def pytest_collection_modifyitems(items: Sequence[pytest.Item]) -> None:
    """Mark the tests that run both ways."""
    for item in items:
        if any(word in item.nodeid for word in COMPILED):
            item.add_marker("compiled")


@pytest.fixture(autouse=True)
def _runs_both_ways(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail a test that runs a compiled operation without being marked so, unless it is of a plug-in."""
    if request.node.get_closest_marker("compiled") is None and "CNNLAB_PLUGINS" not in os.environ:

        def unmarked(*_: object) -> None:
            pytest.fail("this test runs a compiled operation: mark it `compiled`, or name it after the net")

        for kernel in (conv_max, norm):
            monkeypatch.setattr(kernel, "_run", unmarked)


@pytest.fixture
def plugin_folder(tmp_path: Path) -> Iterator[Path]:
    """An empty folder of plug-ins."""
    with plugins_from(tmp_path):
        yield tmp_path
