"""services/upkeep/__main__.py: the writer is forked before this process has what it must not have."""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Iterator

import pytest

from services.model_export import writer_process
from services.settings import Settings
from services.upkeep import __main__ as upkeep


@pytest.fixture
def _signals() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.usefixtures("_signals")
@pytest.mark.parametrize("mlflow_url", ["http://nobody", None])
def test_a_writer_is_there_first_if_anything_needs_it(
    monkeypatch: pytest.MonkeyPatch, sqlite_settings: Settings, mlflow_url: str | None
) -> None:
    settings = sqlite_settings.model_copy(update={"mlflow_url": mlflow_url})
    made, given = object(), []
    before = signal.getsignal(signal.SIGTERM)

    def start() -> object:
        done.append("writer")
        assert signal.getsignal(signal.SIGTERM) is before
        return made

    done: list[str] = []
    monkeypatch.setattr(logging, "basicConfig", lambda **_: done.append("log"))
    monkeypatch.setattr(writer_process, "start", start)
    monkeypatch.setattr(Settings, "from_environment", lambda: settings)
    monkeypatch.setattr(upkeep, "run", lambda *words: given.append(words))
    assert upkeep.main() == 0
    ((with_settings, stop, writer),) = given
    assert (with_settings, isinstance(stop, threading.Event)) == (settings, True)
    assert (writer, done) == ((made, ["writer", "log"]) if mlflow_url else (None, ["log"]))
    assert signal.getsignal(signal.SIGTERM) is not before
