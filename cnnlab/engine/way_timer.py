"""How long a device takes for one way to convolve, launched as a recorded step would launch it."""

import statistics
import time
from collections.abc import Callable

import torch

from cnnlab.engine.recorded import Recorder
from cnnlab.kernels.way_choices import Timer

ROUNDS, CALLS = 3, 10  # the median of so many rounds of calls; a GPU is waited for once in a round


def way_timer(device: torch.device, calls: int = CALLS) -> Timer:
    """Return what times functions on a device, each recorded as a CUDA graph where steps are."""

    def seconds(name: str, function: Callable[[], None]) -> float:
        recorder = Recorder(device)

        def call() -> None:
            recorder.run(name, function, list)

        call()
        rounds = []
        for _ in range(ROUNDS):
            recorder.finish()
            began = time.perf_counter()
            for _ in range(calls):
                call()
            recorder.finish()
            rounds.append((time.perf_counter() - began) / calls)
        return statistics.median(rounds)

    return seconds
