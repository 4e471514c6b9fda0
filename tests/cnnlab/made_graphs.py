"""Graphs that call what was recorded: recordings can be counted and repeated without a GPU."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import pytest
import torch

from cnnlab.engine.recorded import Recorder


class MadeGraph:
    """A graph that calls a function; on a GPU it repeats its kernels."""

    def __init__(self) -> None:
        self.function: Callable[[], None] = lambda: None
        self.replays = 0

    def replay(self) -> None:
        self.replays += 1
        self.function()

    def pool(self) -> tuple[int, int]:
        return (0, 1)


class MadeStream:
    def __init__(self, device: Any = None) -> None: ...

    def wait_stream(self, other: Any) -> None: ...


def install(monkeypatch: pytest.MonkeyPatch) -> list[MadeGraph]:
    """Have recorders record such graphs; return those that were recorded, which fill."""
    found: list[MadeGraph] = []
    honest = Recorder._record

    def record(self: Recorder, function: Callable[[], None], changed: Any) -> Any:
        graph: Any = honest(self, function, changed)
        graph.function = function
        found.append(graph)
        return graph

    @contextmanager
    def capture(graph: MadeGraph, pool: Any = None) -> Iterator[None]:
        yield

    monkeypatch.setattr(Recorder, "_record", record)
    monkeypatch.setattr(torch.cuda, "CUDAGraph", MadeGraph)
    monkeypatch.setattr(torch.cuda, "Stream", MadeStream)
    monkeypatch.setattr(torch.cuda, "current_stream", MadeStream)
    monkeypatch.setattr(torch.cuda, "stream", lambda stream: nullcontext())
    monkeypatch.setattr(torch.cuda, "graph", capture)
    return found
