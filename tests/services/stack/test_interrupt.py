"""services/stack/interrupt.py."""

from __future__ import annotations

import os
import signal

from services.stack.interrupt import Interrupt


def test_one_signal_asks_and_two_insist() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with Interrupt() as interrupt:
        assert not interrupt.asked
        os.kill(os.getpid(), signal.SIGINT)
        assert interrupt.asked
        assert not interrupt.insisted
        os.kill(os.getpid(), signal.SIGTERM)
        assert interrupt.insisted
    assert signal.getsignal(signal.SIGTERM) is before
