"""Watches recorded functions: a graph would repeat them on the tensors that the first call has used."""

from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import Any

import pytest
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from cnnlab.engine.recorded import Recorder


class UsedTensors(TorchDispatchMode):
    """Collects the memory that a function uses and has not made itself, and what of it is written."""

    def __init__(self) -> None:
        super().__init__()
        self.read: dict[int, Tensor] = {}  # by its address; held, so that no other gets the same
        self.written: dict[int, Tensor] = {}
        self._made: dict[int, Tensor] = {}

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        arguments = function._schema.arguments
        by_name = {argument.name: value for argument, value in zip(arguments, args, strict=False)} | kwargs
        out = function(*args, **kwargs)
        for argument in arguments:
            for each in _tensors([by_name.get(argument.name)]):
                at = each.untyped_storage().data_ptr()
                if at and at not in self._made:
                    self.read[at] = each
                    if argument.alias_info is not None and argument.alias_info.is_write:
                        self.written[at] = each
        for each in _tensors([out]):
            at = each.untyped_storage().data_ptr()
            if at not in self.read:
                self._made[at] = each
        return out


def _tensors(values: Any) -> Iterator[Tensor]:
    for value in values:
        if isinstance(value, Tensor):
            yield value
        elif isinstance(value, list | tuple):
            yield from _tensors(value)


def watch(monkeypatch: pytest.MonkeyPatch) -> set[Hashable]:
    """Have every later call of a recorded function fail that uses other memory than its second one.

    The first call may still make what it keeps, as totals and masks. It also fails where a function writes
    what it does not name as changed: the calls before a recording would not be undone there. Return the names
    of the functions that were watched, which fills as they are called.
    """
    first: dict[Hashable, UsedTensors] = {}
    warmed: set[Hashable] = set()

    def run(
        self: Recorder, name: Hashable, function: Callable[[], None], changed: Callable[[], Sequence[Tensor]]
    ) -> None:
        if name not in warmed:
            warmed.add(name)
            function()
            return
        with UsedTensors() as used:
            function()
        known = {tensor.untyped_storage().data_ptr() for tensor in changed()}
        assert not [tuple(own.shape) for at, own in used.written.items() if at not in known], name
        before = first.setdefault(name, used)
        moved = [tuple(own.shape) for at, own in used.read.items() if at not in before.read]
        assert not moved, f"{name} uses tensors {moved} that were elsewhere when it would have been recorded"

    monkeypatch.setattr(Recorder, "run", run)
    return warmed
