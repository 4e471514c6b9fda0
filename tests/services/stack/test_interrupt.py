"""services/stack/interrupt.py."""

from __future__ import annotations

import os
import signal

from services.stack.interrupt import Interrupt


def test_one_signal_requests_a_stop_and_two_force_it() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with Interrupt() as interrupt:
        assert not interrupt.requested
        os.kill(os.getpid(), signal.SIGINT)
        assert interrupt.requested
        assert not interrupt.forced
        os.kill(os.getpid(), signal.SIGTERM)
        assert interrupt.forced
    assert signal.getsignal(signal.SIGTERM) is before
