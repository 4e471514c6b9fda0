"""A worker without a sweep's plug-ins refuses its packs and shows why; one that has them trains."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from worker_process import running, wait_for

from cnnlab import plugins, registry
from cnnlab.errors import RegistryError
from services.dispatch import dispatch
from services.queue import Publisher
from services.settings import Settings
from services.store import packs, sweeps, window, workers
from services.store.session import Store
from workers.pack_training import check_plugins

ENTRY = '''
"""Half."""
from cnnlab.activation import Activation
from cnnlab.registry import register


@register
class TriedHalf(Activation):
    """Halve: f(x) = x/2. Source: arithmetic."""

    def value(self, x, h):
        return x / 2
'''


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of plug-ins that this process, which plans, has; forgotten afterwards."""
    (tmp_path / "plugins" / "activations").mkdir(parents=True)
    (tmp_path / "plugins" / "activations" / "tried_half.py").write_text(ENTRY)
    monkeypatch.setenv("CNNLAB_PLUGINS", str(tmp_path / "plugins"))
    plugins.read.cache_clear()
    yield tmp_path / "plugins"
    plugins.read.cache_clear()
    registry._entries.pop(("activations", "tried-half"), None)
    sys.modules.pop(f"{plugins.PACKAGE}.activations.tried_half", None)


@pytest.mark.long
def test_a_worker_without_them_refuses_and_another_trains(
    sqlite_store: Store, lab: Settings, submit: Callable[..., str], folder: Path
) -> None:
    def says() -> str:
        return "; ".join(w.says for w in sqlite_store.read(lambda session: workers.seen_within(session, 5)))

    model = {"name": "mlp", "hidden": [8], "activation": "tried-half"}
    sweep_id = submit(model=model, space={}, train={"epochs": 1})
    digest = registry.plugins_digest()
    lacking = lab.model_copy(update={"plugins": None})
    with running("workers", lacking, {"CNNLAB_PLUGINS": ""}) as first:
        reason = f"planned with plug-ins {digest[:12]}, this worker has none; set CNNLAB_PLUGINS"
        wait_for(lambda: reason in says(), what="the refusal")
        (pack,) = sqlite_store.read(packs.queued)
        assert (pack.token, pack.sends) == (None, 1)
        with running("workers", lab.model_copy(update={"plugins": folder})):
            wait_for(lambda: first.process.poll() is None and "idle" in says(), what="the second worker")
            first.stop()

            def trained() -> bool:
                dispatch(sqlite_store, Publisher(lab), lab)
                now = sqlite_store.read(window.read)
                return not now.queued and not now.running

            wait_for(trained, what="training")
    (row,) = sqlite_store.read(lambda session: sweeps.counts(session, [sweep_id])).values()
    assert row == {"succeeded": 1}


@pytest.mark.usefixtures("folder")
def test_a_runner_compares_what_it_read() -> None:
    check_plugins(None)
    check_plugins(registry.plugins_digest())
    with pytest.raises(RegistryError, match=r"planned with plug-ins aaaa, but this runner read .* start the"):
        check_plugins("aaaa")
