"""Operations on a processor, noted while a function does them and then repeated on the same memory."""

from collections.abc import Callable, Iterator, Mapping
from functools import cache, partial
from typing import Any

import torch
from torch import Tensor
from torch._ops import OpOverload
from torch.utils._python_dispatch import TorchDispatchMode

from cnnlab.kernels import library

ATEN = torch.ops.aten
# They make memory and write nothing there: their tensors are kept instead.
EMPTY = (ATEN.empty, ATEN.empty_like, ATEN.empty_strided, ATEN.new_empty, ATEN.new_empty_strided)
COPIES = (ATEN.clone, ATEN._to_copy)
# What these do or return depends on numbers.
READING = (torch.Tag.data_dependent_output, torch.Tag.dynamic_output_shape)


class OperationTrace(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """The operations of one call of a function, as torch does them below autograd.

    `with trace: function()` does the function and notes its operations, those of compiled kernels among them;
    `replay()` does them again, in their order and on the same memory, so that it leaves the same bits. What
    an operation makes stays where it was made: it is written there through the operation's variant with
    `out`, or else copied there. Views are not made again.

    A function may be traced under the conditions of a recording (`engine/recorded.py`). Where it looks at a
    number, or its operations write more than `max_bytes`, `refused` says so, nothing is kept, and the call
    goes on as it would without a trace.
    """

    def __init__(self, max_bytes: int) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.refused = ""
        self.bytes = 0  # of what the operations make
        self._max_bytes = max_bytes
        self._calls: list[Callable[[], object]] = []
        self._kept: list[Tensor] = []  # whose addresses kernels were given

    def __enter__(self) -> "OperationTrace":
        self._watch = library.watch(self._calls.append)
        self._watch.__enter__()
        super().__enter__()  # type: ignore[no-untyped-call]
        return self

    def __exit__(self, *error: Any) -> None:
        super().__exit__(*error)  # type: ignore[no-untyped-call]
        self._watch.__exit__(*error)
        if self.refused:
            self._drop()

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # else the first operation imports torch's compiler, which takes a second

    def __torch_dispatch__(
        self, function: Any, types: Any, args: Any = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """Do an operation, and note it."""
        kwargs = kwargs or {}
        out = function(*args, **kwargs)
        if not self.refused:
            self._note(function, args, kwargs, out)
        return out

    @torch.no_grad()
    def replay(self) -> None:
        """Do all operations again."""
        for call in self._calls:
            call()

    def _note(self, function: Any, args: Any, kwargs: Mapping[str, Any], out: Any) -> None:
        if not isinstance(function, OpOverload) or _reads(function, args):
            self._refuse(f"{function} depends on numbers")
            return
        given = {each.untyped_storage()._cdata for each in _tensors([args, *kwargs.values()])}
        made = [each for each in _tensors([out]) if each.untyped_storage()._cdata not in given]
        changes = any(_is_written(argument) for argument in function._schema.arguments)
        if not made and not changes:  # a view
            return
        self._kept += _detached(made)
        self.bytes += sum(each.untyped_storage().nbytes() for each in made)
        if self.bytes > self._max_bytes:
            self._refuse(f"its operations write more than {self._max_bytes >> 20} MiB")
        elif not made:
            self._add(function, args, kwargs)
        elif changes:
            self._add(_copying, (function, args, kwargs, out), {})
        elif function.overloadpacket in COPIES:
            self._add(ATEN.copy_.default, (out, args[0]), {})
        elif function.overloadpacket not in EMPTY:
            variant = _with_out(function) if isinstance(out, Tensor) else None
            if variant is None:
                self._add(_copying, (function, args, kwargs, out), {})
            else:
                self._add(variant[0], args, {**kwargs, variant[1]: out})

    def _add(self, function: Callable[..., object], args: Any, kwargs: Mapping[str, Any]) -> None:
        """Note a call; without the derivatives of its tensors, which would hold those of the whole step."""
        self._calls.append(partial(function, *_detached(args), **_detached(kwargs)))

    def _refuse(self, reason: str) -> None:
        self.refused = reason
        self._drop()

    def _drop(self) -> None:
        self._calls.clear()
        self._kept.clear()


def _copying(function: OpOverload, args: Any, kwargs: Mapping[str, Any], out: Any) -> None:
    """Do an operation and copy what it makes to where it was made at first."""
    again = function(*args, **kwargs)
    for place, source in zip(_tensors([out]), _tensors([again]), strict=True):
        if place is not source:
            place.copy_(source)


@cache
def _with_out(function: OpOverload) -> tuple[OpOverload, str] | None:
    """Return the variant that writes its outcome into an argument, and the name of that, if there is one."""
    wanted = [(each.name, str(each.type)) for each in function._schema.arguments]
    for name in function.overloadpacket.overloads():
        variant = getattr(function.overloadpacket, name)
        written = [each.name for each in variant._schema.arguments if _is_written(each)]
        others = [(each.name, str(each.type)) for each in variant._schema.arguments if not _is_written(each)]
        if len(written) == 1 and others == wanted:
            return variant, written[0]
    return None


def _reads(function: OpOverload, args: Any) -> bool:
    """Whether what an operation does next, or the shape of its outcome, depends on numbers."""
    if function.overloadpacket is ATEN.index:  # so does a selection by truth values
        return any(each.dtype in (torch.bool, torch.uint8) for each in _tensors(args[1]))
    return any(tag in function.tags for tag in READING)


def _is_written(argument: Any) -> bool:
    return argument.alias_info is not None and argument.alias_info.is_write


def _tensors(values: Any) -> Iterator[Tensor]:
    for value in values:
        if isinstance(value, Tensor):
            yield value
        elif isinstance(value, list | tuple):
            yield from _tensors(value)


def _detached(value: Any) -> Any:
    if isinstance(value, Tensor):
        return value.detach()
    if isinstance(value, list | tuple):
        return type(value)(_detached(each) for each in value)
    if isinstance(value, dict):
        return {name: _detached(each) for name, each in value.items()}
    return value
