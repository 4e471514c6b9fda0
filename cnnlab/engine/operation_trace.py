"""Operations on a processor, noted while a function does them and then repeated."""

from collections.abc import Callable, Iterator, Mapping
from functools import cache, partial
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch._ops import OpOverload
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from cnnlab.engine.memory_plan import Lifetime, plan
from cnnlab.kernels import calls

ATEN = torch.ops.aten
# They make memory and write nothing there.
EMPTY = (ATEN.empty, ATEN.empty_like, ATEN.empty_strided, ATEN.new_empty, ATEN.new_empty_strided)
COPIES = (ATEN.clone, ATEN._to_copy)
# What these do or return depends on numbers.
READING = (torch.Tag.data_dependent_output, torch.Tag.dynamic_output_shape)
# These give numbers to Python, and no operation shows it.
GIVING = (Tensor.numpy, Tensor.tolist, Tensor.__array__, Tensor.__dlpack__)


# More takes longer than calls of Python that it saves.
MAX_COPIED_BYTES = 8 << 20


class _Noted(NamedTuple):
    """An operation: what makes its call, given its arguments at their places."""

    prepare: Callable[..., Callable[[], object]]
    args: Any
    kwargs: Mapping[str, Any]


class OperationTrace(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """The operations of one call of a function, as torch does them below autograd.

    `with trace: function()` does the function and notes its operations, those of compiled kernels among them;
    `replay()` does them again, in their order, so that it leaves the same bits. What was there before the
    call is read and changed where it is. What an operation makes gets a place in a memory of the trace's own,
    which what is made later uses again, and is written there through the operation's variant with `out`, or
    else copied there, up to 8 MiB in all. Views are not made again.

    A function may be traced under the conditions of a recording (`engine/recorded.py`). Where it looks at a
    number, or its operations make more than `max_bytes` in all, `refused` says so, nothing is kept, and the
    call goes on as it would without a trace.
    """

    def __init__(self, max_bytes: int) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.refused = ""
        self._max_bytes, self._bytes, self._copied = max_bytes, 0, 0
        self._noted: list[_Noted] = []
        # By the identity of its storage: a tensor that was made, and how many operations were before it. Held
        # until the end, so that no identity is used again.
        self._made: dict[int, tuple[Tensor, int]] = {}
        self._calls: list[Callable[[], object]] = []
        self._aside = (calls.watch(self._note_kernel), _Giving(self._refuse))

    def __enter__(self) -> "OperationTrace":
        for each in self._aside:
            each.__enter__()
        super().__enter__()  # type: ignore[no-untyped-call]
        return self

    def __exit__(self, *error: Any) -> None:
        super().__exit__(*error)  # type: ignore[no-untyped-call]
        for each in reversed(self._aside):
            each.__exit__(*error)
        self._bind()
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
        given = {_storage(each) for each in _tensors([args, *kwargs.values()])}
        made = [each for each in _tensors([out]) if _storage(each) not in given]
        changes = any(_is_written(argument) for argument in function._schema.arguments)
        if not made and not changes:  # a view
            return
        for each in made:
            self._made[_storage(each)] = each, len(self._noted)
            self._bytes += each.untyped_storage().nbytes()
        if self._bytes > self._max_bytes:
            self._refuse(f"its operations make more than {self._max_bytes >> 20} MiB")
        elif not made:
            self._add(function, args, kwargs)
        elif function.overloadpacket in COPIES:
            self._add(ATEN.copy_.default, (out, args[0]), {})
        elif function.overloadpacket not in EMPTY:
            variant = _with_out(function) if isinstance(out, Tensor) else None
            if variant is not None:
                self._add(variant[0], args, {**kwargs, variant[1]: out})
                return
            self._add(_copying, (function, args, kwargs, out), {})
            self._copied += sum(each.untyped_storage().nbytes() for each in made)
            if self._copied > MAX_COPIED_BYTES:
                self._refuse(f"its repetition would copy more than {MAX_COPIED_BYTES >> 20} MiB")

    def _add(self, function: Callable[..., object], args: Any, kwargs: Mapping[str, Any]) -> None:
        """Note a call; without the derivatives of its tensors, which would hold those of the whole step."""
        self._noted.append(_Noted(partial(partial, function), _detached(args), _detached(kwargs)))

    def _note_kernel(self, prepare: Callable[..., Callable[[], None]], tensors: Any) -> None:
        if not self.refused:
            self._noted.append(_Noted(prepare, _detached(tensors), {}))

    def _refuse(self, reason: str) -> None:
        self.refused = self.refused or reason
        self._drop()

    def _drop(self) -> None:
        self._noted.clear()
        self._made.clear()

    def _bind(self) -> None:
        """Give what was made its place, and make the calls."""
        last = {key: born for key, (_, born) in self._made.items()}
        for number, noted in enumerate(self._noted):
            for each in _tensors([noted.args, *noted.kwargs.values()]):
                if _storage(each) in last:
                    last[_storage(each)] = number
        lives = {
            key: Lifetime(tensor.untyped_storage().nbytes(), born, last[key])
            for key, (tensor, born) in self._made.items()
        }
        places, size = plan(lives)
        memory = torch.empty(size, dtype=torch.uint8).untyped_storage()

        def placed(value: Any) -> Any:
            if isinstance(value, Tensor):
                place = places.get(_storage(value))
                if place is None:
                    return value
                first = place // value.itemsize + value.storage_offset()
                return torch.empty(0, dtype=value.dtype).set_(memory, first, value.shape, value.stride())
            return _mapped(placed, value)

        for noted in self._noted:
            self._calls.append(noted.prepare(*placed(noted.args), **placed(noted.kwargs)))


class _Giving(TorchFunctionMode):
    """Refuses a trace whose function takes numbers out of a tensor."""

    def __init__(self, refuse: Callable[[str], None]) -> None:
        super().__init__()
        self._refuse = refuse

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if function in GIVING:
            self._refuse(f"{function.__name__} depends on numbers")
        return function(*args, **(kwargs or {}))


def _copying(function: OpOverload, args: Any, kwargs: Mapping[str, Any], out: Any) -> None:
    """Do an operation and copy what it makes to its place."""
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


def _storage(tensor: Tensor) -> int:
    return int(tensor.untyped_storage()._cdata)


def _tensors(values: Any) -> Iterator[Tensor]:
    for value in values:
        if isinstance(value, Tensor):
            yield value
        elif isinstance(value, list | tuple):
            yield from _tensors(value)
        elif isinstance(value, dict):
            yield from _tensors(value.values())


def _detached(value: Any) -> Any:
    return value.detach() if isinstance(value, Tensor) else _mapped(_detached, value)


def _mapped(function: Callable[[Any], Any], value: Any) -> Any:
    """Return a list, tuple or dict with a function's outcome for each part, and all else as it is."""
    if isinstance(value, list | tuple):
        return type(value)(function(each) for each in value)
    if isinstance(value, dict):
        return {name: function(each) for name, each in value.items()}
    return value
