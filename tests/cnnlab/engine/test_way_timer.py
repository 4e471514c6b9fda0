"""The median of some rounds is the time of one call."""

import pytest
import torch
from module_clock import set_clock

from cnnlab.engine import way_timer as module
from cnnlab.engine.way_timer import CALLS, ROUNDS, way_timer


def test_it_is_the_median_time_of_a_call(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    lasts = [0.5, 9.0, 0.1][:ROUNDS]  # seconds of a call in each round
    now = iter([at for lasting in lasts for at in (0.0, CALLS * lasting)])
    set_clock(monkeypatch, module, perf_counter=lambda: next(now))
    assert way_timer(torch.device("cpu"))("columns", lambda: calls.append(1)) == pytest.approx(0.5)
    assert len(calls) == 1 + ROUNDS * CALLS
