"""Whether what was recorded for one fit serves another: where both differ in the numbers of tensors alone."""

from collections.abc import Callable, Iterator, Mapping
from enum import Enum
from types import BuiltinFunctionType, FunctionType
from typing import Any

import torch
from torch import Tensor

from cnnlab.engine.parts import parts
from cnnlab.errors import CnnlabError

# Compared by their value, or by being the same.
PLAIN = (
    bool, int, float, complex, str, bytes, type(None), type(Ellipsis), range, slice, type, Enum,
    torch.dtype, torch.device, torch.layout, torch.memory_format, BuiltinFunctionType,
)  # fmt: skip


class Differs(CnnlabError):
    """Something that a recording may hold differs; the message says where."""


def renew(kept: object, fresh: object) -> None:
    """Give a kept object all numbers of a fresh one, in place, so that its recordings serve the fresh one.

    A recording repeats operations on tensors of fixed address. So each tensor of `kept` takes the numbers of
    its counterpart, and whatever else a recording may hold must be equal: shapes, names, flags, numbers of
    Python. `Differs`, and nothing has changed, where it is not, or cannot be compared.

    What no recording reads a class may name: the attributes in its `TAKEN` are those of the fresh object from
    then on, those in its `LEFT` stay. Its method `renewed` is called once the numbers are there.
    """
    walk = _Walk()
    walk.pair(type(kept).__name__, kept, fresh)
    for place, source in walk.tensors:
        place.copy_(source)
    for owner, name, value in walk.taken:
        setattr(owner, name, value)
    for renewed in walk.renewed:
        renewed()


class _Walk:
    """A walk through two objects side by side, which collects what is to be done and changes nothing."""

    def __init__(self) -> None:
        self.tensors: list[tuple[Tensor, Tensor]] = []
        self.taken: list[tuple[object, str, Any]] = []
        self.renewed: list[Callable[[], None]] = []
        self._met: dict[
            tuple[int, int], tuple[object, object]
        ] = {}  # the objects, so that no id is used again

    def pair(self, where: str, kept: Any, fresh: Any) -> None:
        """Compare two objects and all below them."""
        if kept is fresh or (id(kept), id(fresh)) in self._met:
            return
        self._met[id(kept), id(fresh)] = kept, fresh
        if type(kept) is not type(fresh):
            raise Differs(f"{where} is {type(kept).__name__}, and {type(fresh).__name__} in the other")
        if isinstance(kept, Tensor):
            self._tensor(where, kept, fresh)
        elif isinstance(kept, PLAIN):
            if kept != fresh and not (kept != kept and fresh != fresh):  # two NaN are alike
                raise Differs(f"{where} is {kept!r}, and {fresh!r} in the other")
        elif isinstance(kept, FunctionType):
            self._function(where, kept, fresh)
        elif isinstance(kept, set | frozenset):
            if kept != fresh:
                raise Differs(f"{where} is {sorted(map(str, kept))}, {sorted(map(str, fresh))} in the other")
        else:
            self._parts(where, dict(_parts(where, kept)), dict(_parts(where, fresh)))
            self._own(kept, fresh)

    def _tensor(self, where: str, kept: Tensor, fresh: Tensor) -> None:
        for fact in ("shape", "dtype", "device", "requires_grad"):
            if getattr(kept, fact) != getattr(fresh, fact):
                raise Differs(
                    f"the {fact} of {where} is {getattr(kept, fact)}, {getattr(fresh, fact)} in the other"
                )
        if kept.stride() != fresh.stride():
            raise Differs(f"the strides of {where} are {kept.stride()}, {fresh.stride()} in the other")
        if 0 in kept.stride():  # its numbers have one place for several indices
            if not torch.equal(kept, fresh):
                raise Differs(f"{where} is expanded, and its numbers differ")
            return
        self.tensors.append((kept, fresh))

    def _function(self, where: str, kept: FunctionType, fresh: FunctionType) -> None:
        if kept.__code__ is not fresh.__code__:
            raise Differs(f"{where} is the function {kept.__qualname__}, {fresh.__qualname__} in the other")
        self.pair(f"{where}'s defaults", kept.__defaults__, fresh.__defaults__)
        for own, other in zip(kept.__closure__ or (), fresh.__closure__ or (), strict=True):
            self.pair(f"{where}'s closure", own.cell_contents, other.cell_contents)

    def _parts(self, where: str, kept: Mapping[str, Any], fresh: Mapping[str, Any]) -> None:
        if kept.keys() != fresh.keys():
            raise Differs(
                f"only one of the two has {sorted(map(str, kept.keys() ^ fresh.keys()))} in {where}"
            )
        for name, own in kept.items():
            self.pair(f"{where}.{name}", own, fresh[name])

    def _own(self, kept: Any, fresh: Any) -> None:
        for name in getattr(type(kept), "TAKEN", ()):
            self.taken.append((kept, name, getattr(fresh, name)))
        if (renewed := getattr(kept, "renewed", None)) is not None:
            self.renewed.append(renewed)


def _parts(where: str, one: Any) -> Iterator[tuple[Any, Any]]:
    """Iterate over what an object holds, by name, without what no recording reads."""
    held = parts(one)
    if held is None:
        raise Differs(f"{where}, {type(one).__name__}, cannot be compared")
    aside = {*getattr(type(one), "TAKEN", ()), *getattr(type(one), "LEFT", ())}
    yield from ((name, value) for name, value in held.items() if name not in aside)
