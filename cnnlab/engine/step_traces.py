"""Steps on a processor, which are traced: in small nets Python takes as long as their arithmetic."""

from collections.abc import Callable, Hashable, Iterator

import torch
from torch import Tensor, nn

from cnnlab.engine.operation_trace import OperationTrace
from cnnlab.engine.parts import parts
from cnnlab.engine.recorded import may_record
from cnnlab.plugins import PACKAGE

# While a step is traced, all that it makes is kept; larger ones gain less than a hundredth.
MAX_BYTES = 256 << 20


class StepTraces:
    """Does functions, each by its name: calls it, traces its second call and then repeats its operations.

    They do so on a processor, unless `CNNLAB_GRAPHS` is `off`, where `owner`, whose steps they are, holds no
    object of a plug-in's class: it may count its calls. Modules of one's own were tried before they train and
    keep no such state (`own/module_facts.py`). All others are called. `refused` has the reasons by name.
    """

    # Nothing is traced where recordings are kept (engine/renewal.py).
    LEFT = ("refused", "_owner", "_known", "_traces")

    def __init__(self, device: torch.device, owner: object) -> None:
        self.on = may_record() and device.type == "cpu"
        self.refused: dict[Hashable, str] = {}
        self._owner = owner
        self._known: set[Hashable] = set()  # what they have called
        self._traces: dict[Hashable, OperationTrace] = {}

    def __len__(self) -> int:
        return len(self._traces)

    def run(self, name: Hashable, function: Callable[[], None]) -> None:
        """Do what a function does, by its trace if there is one."""
        if name in self._traces:
            self._traces[name].replay()
        elif not self.on or name in self.refused or name not in self._known:
            self._known.add(name)  # its first call makes what it keeps
            function()
        elif whose := foreign(self._owner):
            self.refused[name] = f"{whose} may do something else at each call"
            function()
        else:
            trace = OperationTrace(MAX_BYTES)
            with trace:
                function()
            if trace.refused:
                self.refused[name] = trace.refused
            else:
                self._traces[name] = trace


def foreign(one: object) -> str:
    """Return the name of a plug-in's class, of which an object holds one, empty if there is none."""
    return next(
        (
            type(each).__qualname__
            for each in _below(one)
            if not isinstance(each, nn.Module) and type(each).__module__.partition(".")[0] == PACKAGE
        ),
        "",
    )


def _below(one: object) -> Iterator[object]:
    """Iterate over an object and all that it holds; what tensors, classes and functions hold is left out."""
    waiting, met = [one], {}
    while waiting:
        each = waiting.pop()
        if id(each) in met or isinstance(each, Tensor | type | torch.device | str | int | float | None):
            continue
        met[id(each)] = each
        yield each
        if not isinstance(each, nn.Module):
            waiting += (parts(each) or {}).values()
