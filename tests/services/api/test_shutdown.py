"""SIGTERM and SIGINT set the flag and still reach whoever handled them before."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator

import pytest

from services.api.shutdown import SHUTDOWN_SIGNALS, Shutdown


@pytest.fixture
def received() -> Iterator[list[int]]:
    """The signals that an earlier handler, such as the server's own, has received."""
    numbers: list[int] = []
    before = {number: signal.getsignal(number) for number in SHUTDOWN_SIGNALS}
    for number in SHUTDOWN_SIGNALS:
        signal.signal(number, lambda number, _: numbers.append(number))
    yield numbers
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", SHUTDOWN_SIGNALS)
def test_a_signal_sets_the_flag_and_is_passed_on(received: list[int], number: signal.Signals) -> None:
    shutdown = Shutdown()
    with shutdown.on_signals():
        assert not shutdown.requested
        signal.raise_signal(number)
        assert shutdown.requested
    assert received == [number]


def test_the_earlier_handler_is_restored(received: list[int]) -> None:
    before = signal.getsignal(signal.SIGTERM)
    with Shutdown().on_signals():
        assert signal.getsignal(signal.SIGTERM) is not before
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_signal_that_nobody_handled_keeps_its_default_action(received: list[int]) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    with Shutdown().on_signals():
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
        assert signal.getsignal(signal.SIGINT) is not signal.SIG_DFL


def test_outside_the_main_thread_no_handler_is_set(received: list[int]) -> None:
    before, seen = signal.getsignal(signal.SIGTERM), []

    def run() -> None:
        with Shutdown().on_signals():
            seen.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert seen == [before]
