"""Operations on a GPU that are recorded once and launched together: CUDA graphs."""

import os
import time
from collections.abc import Callable, Hashable, Sequence
from typing import Any

import torch
from torch import Tensor

from cnnlab.errors import CnnlabError

WARM_UP = 3  # calls before one is recorded: libraries choose their algorithms and allocate in the first ones


def may_record() -> bool:
    """Whether steps may be recorded: not if `CNNLAB_GRAPHS` is `off`; CnnlabError if it is anything else."""
    chosen = os.environ.get("CNNLAB_GRAPHS", "")
    if chosen not in ("", "off"):
        raise CnnlabError(f"CNNLAB_GRAPHS must be off, or not set, got {chosen!r}")
    return not chosen


class Recorder:
    """Records functions on a GPU and repeats them; elsewhere, or with `CNNLAB_GRAPHS=off`, it calls them.

    A function may be recorded if it reads and writes tensors of fixed address, does the same operations at
    every call and never waits for the device. One that cannot be recorded is called instead, each time, and
    `refused` has the reason under its name; the others are recorded and repeated as before.
    """

    # The kept one has the recordings (engine/renewal.py); whether it records is a choice of the device.
    LEFT = ("refused", "seconds", "_graphs", "_pool")

    def __init__(self, device: torch.device) -> None:
        self.records = may_record() and device.type == "cuda"
        self.refused: dict[Hashable, str] = {}
        self.seconds = 0.0  # that recordings have taken, with the calls before them
        self._device = device
        self._graphs: dict[Hashable, torch.cuda.CUDAGraph] = {}
        self._pool: Any = None  # of memory, for all graphs: they never run at once

    def finish(self) -> None:
        """Wait until a GPU has done what it was given."""
        if self._device.type == "cuda":
            torch.cuda.synchronize(self._device)

    def run(
        self, name: Hashable, function: Callable[[], None], changed: Callable[[], Sequence[Tensor]]
    ) -> None:
        """Do what a function does; at the first call it is recorded under its name.

        `changed()` are the tensors that it changes. What the calls before the recording did to them is
        undone; those that it makes at its first call are set to 0.
        """
        if not self.records or name in self.refused:
            function()
            return
        if name not in self._graphs:
            self.finish()
            start = time.perf_counter()
            try:
                self._graphs[name] = self._record(function, changed)
            except RuntimeError as error:
                first = next(iter(str(error).splitlines()), type(error).__name__)
                self.refused[name] = f"{name} cannot be recorded: {first}"
                function()
                return
            finally:
                self.finish()
                self.seconds += time.perf_counter() - start
        self._graphs[name].replay()

    def _record(
        self, function: Callable[[], None], changed: Callable[[], Sequence[Tensor]]
    ) -> torch.cuda.CUDAGraph:
        before = [(tensor, tensor.clone()) for tensor in changed()]
        known = {id(tensor) for tensor, _ in before}

        def undo() -> None:
            for tensor, value in before:
                tensor.copy_(value)
            for tensor in changed():
                if id(tensor) not in known:
                    tensor.zero_()

        graph = torch.cuda.CUDAGraph()
        aside = torch.cuda.Stream(self._device)  # type: ignore[no-untyped-call]
        try:
            aside.wait_stream(torch.cuda.current_stream(self._device))
            with torch.cuda.stream(aside):
                for _ in range(WARM_UP):
                    function()
                    undo()
            torch.cuda.current_stream(self._device).wait_stream(aside)
            with torch.cuda.graph(graph, pool=self._pool):
                function()
        finally:
            undo()
        self._pool = self._pool or graph.pool()
        return graph
