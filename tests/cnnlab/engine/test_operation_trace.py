"""cnnlab/engine/operation_trace.py: repeated operations leave what called ones leave."""

import gc
import weakref
from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
import torch
from compiled_library import needs_kernels
from torch import Tensor
from torch.autograd import Function, grad
from torch.nn import functional as F

from cnnlab.engine.operation_trace import OperationTrace
from cnnlab.kernels import calls
from cnnlab.kernels.conv_max import conv_max
from cnnlab.kernels.dropout import dropout_factors
from cnnlab.kernels.norm import norm

BYTES = 2**20


def tensors(seed: int) -> dict[str, Tensor]:
    """What a function reads and changes: images, filters, running statistics, and an outcome."""
    torch.manual_seed(seed)
    return {
        "x": torch.randn(4, 8, 6, 6),
        "w": torch.randn(8, 8, 3, 3),
        "mean": torch.zeros(8),
        "var": torch.ones(8),
        "out": torch.zeros(400),
    }


def put(own: dict[str, Tensor], *found: Tensor) -> None:
    """Add what was found to the outcome."""
    for each in found:
        flat = each.detach().double().flatten()[:400].float()
        own["out"][: len(flat)] += flat


def in_place(own: dict[str, Tensor]) -> None:
    own["x"].transpose(1, 2).mul_(1.01)
    own["x"][1:3, 2].add_(own["w"][0, 0, 0, 0])
    put(own, own["x"])


def views_and_casts(own: dict[str, Tensor]) -> None:
    wide = own["x"].permute(0, 2, 3, 1).contiguous().double()
    whole = (wide * 3).to(torch.int32) % 5
    put(
        own, wide.view(4, -1)[:, ::2], whole, whole == 2, own["x"].clone(), own["x"].expand(2, -1, -1, -1, -1)
    )


def new_memory(own: dict[str, Tensor]) -> None:
    sums = torch.zeros_like(own["x"])
    for _ in range(3):
        sums += own["x"]
    scattered = own["x"].new_zeros(8, 6).scatter_add_(0, torch.zeros(1, 6, dtype=torch.long), own["x"][0, 0])
    full = torch.full((3,), 2.0).add_(own["x"][0, 0, 0, :3])
    put(own, sums, scattered, full, torch.arange(7) * own["w"][0, 0, 0, 0], torch.empty(5).fill_(1.5))


def several_outcomes(own: dict[str, Tensor]) -> None:
    largest, at = F.max_pool2d(own["x"], 2, return_indices=True)
    values, places = own["x"].flatten(1).topk(3)
    put(own, largest, at, values, places, *torch.var_mean(own["x"], 1))


def changes_and_makes(own: dict[str, Tensor]) -> None:
    put(own, F.batch_norm(own["x"], own["mean"], own["var"], training=True, momentum=0.3))
    legit = torch.ops.aten._native_batch_norm_legit.default  # its signature says what it changes
    put(own, *legit(own["x"], None, None, own["mean"], own["var"], True, 0.3, 1e-5))


def derivatives(own: dict[str, Tensor]) -> None:
    with torch.enable_grad():
        w = own["w"].detach().requires_grad_()
        y = F.max_pool2d(F.conv2d(own["x"], w, padding=1).relu(), 2)
        loss = F.cross_entropy(y.flatten(1)[:, :5], torch.arange(4))
    (slope,) = grad(loss, w)
    own["w"].sub_(slope, alpha=0.1)
    put(own, loss, slope)


class Doubled(Function):
    @staticmethod
    def forward(ctx: object, x: Tensor) -> Tensor:
        return x * 2

    @staticmethod
    def backward(ctx: object, slope: Tensor) -> Tensor:
        return slope * 2 + 1


def own_derivatives(own: dict[str, Tensor]) -> None:
    with torch.enable_grad():
        x = own["x"].detach().requires_grad_()
        total = Doubled.apply(x).square().sum() + x.sum()
    put(own, *grad(total, x))


def compiled(own: dict[str, Tensor]) -> None:
    x = own["x"][:, None]
    with torch.enable_grad():
        w = own["w"][None].detach().requires_grad_()
        pooled = conv_max(x, w, None, (1, 1), "behind")
        normal = norm(pooled, own["mean"][None] + 1, own["var"][None], 1e-5)
        total = normal.y.square().sum(dim=(0, 2, 3, 4)).sum() + pooled.sum()
    (slope,) = grad(total, w)
    own["w"].sub_(slope[0], alpha=0.001)
    keys, limits = torch.arange(2, dtype=torch.int32), torch.zeros(2, 1, dtype=torch.int32)
    put(own, slope, dropout_factors(keys, limits, own["w"][0, 0, :2, :1].contiguous(), 3, 50))


def random(own: dict[str, Tensor]) -> None:
    put(own, torch.rand(5), own["x"].bernoulli(0.5))


FUNCTIONS = [
    in_place, views_and_casts, new_memory, several_outcomes, changes_and_makes, derivatives, own_derivatives,
    random,
]  # fmt: skip


def trace_of(function: Callable[[], object], max_bytes: int = BYTES) -> OperationTrace:
    trace = OperationTrace(max_bytes)
    with torch.no_grad(), trace:
        function()
    return trace


def check(function: Callable[[dict[str, Tensor]], None]) -> None:
    """A traced call and two repetitions leave the bits of three calls, whatever the numbers were before."""
    ends = []
    for traced in (True, False):
        own = tensors(1)
        torch.manual_seed(2)
        call = partial(function, own)
        with torch.no_grad():
            if traced:
                trace = trace_of(call)
                assert not trace.refused
                again = trace.replay
            else:
                call()
                again = call
            own["x"].mul_(-0.7)
            own["w"].neg_()
            again()
            again()
        ends.append(own)
    for name, end in ends[0].items():
        assert torch.equal(end, ends[1][name]), name
    assert not torch.equal(ends[0]["out"], torch.zeros(400))


@pytest.mark.parametrize("function", FUNCTIONS)
def test_operations(function: Callable[[dict[str, Tensor]], None]) -> None:
    check(function)


@pytest.mark.compiled
@needs_kernels
def test_compiled_operations() -> None:
    check(compiled)


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        (lambda x: x.sum().item(), "aten._local_scalar_dense.default depends on numbers"),
        (lambda x: float(x[0]), "aten._local_scalar_dense.default depends on numbers"),
        (lambda x: x[x > 0], "depends on numbers"),
        (lambda x: torch.equal(x, x + 1), "aten.equal.default depends on numbers"),
        (lambda x: x.tolist(), "tolist depends on numbers"),
        (lambda x: x.numpy(), "numpy depends on numbers"),
        (lambda x: np.asarray(x), "depends on numbers"),
        (lambda x: torch.ones(BYTES // 4 + 1), "its operations make more than 1 MiB"),
        (lambda x: [torch.ones(BYTES // 8) for _ in range(3)], "its operations make more than 1 MiB"),
    ],
)
def test_what_is_refused_is_done_and_leaves_nothing(
    function: Callable[[Tensor], object], reason: str
) -> None:
    x, made = torch.ones(3), []

    def whole() -> None:
        made.append(weakref.ref(x * 2))
        x.add_(1)
        function(x)
        x.add_(1)
        given = x * 2
        made.append(weakref.ref(given))
        calls.run(lambda tensor: lambda: None, given)

    trace = trace_of(whole)
    assert reason in trace.refused
    assert x.tolist() == [3.0, 3.0, 3.0]
    assert not trace._calls
    assert not trace._noted
    gc.collect()
    assert [each() for each in made] == [None, None]


def test_operations_inside_of_a_limit_are_traced() -> None:
    assert not trace_of(lambda: torch.ones(BYTES // 4)).refused


def test_what_would_copy_much_is_refused() -> None:
    x = torch.ones(1, 1, 1200, 1200)
    trace = OperationTrace(2**28)
    with torch.no_grad(), trace:
        F.max_pool2d(x, 1, 1, return_indices=True)
    assert trace.refused == "its repetition would copy more than 8 MiB"


def test_memory_is_used_again() -> None:
    """Ten sums of which two live at once take the memory of two."""
    x, end = torch.arange(1000.0), torch.zeros(1000)

    def function() -> None:
        y = x
        for _ in range(10):
            y = y + 1
        end.copy_(y)

    trace = trace_of(function)
    x.mul_(2)
    trace.replay()
    assert torch.equal(end, torch.arange(1000.0) * 2 + 10)
    places = {each.data_ptr() for call in trace._calls for each in call.keywords.values()}
    assert len(places) == 2


def test_it_holds_no_derivatives() -> None:
    """A graph of autograd would hold the tensors of the step that was traced."""
    held = []

    def function() -> None:
        with torch.enable_grad():
            x = torch.ones(3, requires_grad=True)
            y = Doubled.apply(x).exp()
            held.append(weakref.ref(y.grad_fn.next_functions[0][0]))
            grad(y.sum(), x)

    trace = trace_of(function)
    gc.collect()
    assert held[0]() is None
    trace.replay()


def test_an_error_in_the_traced_function_is_that_of_the_function() -> None:
    def failing() -> None:
        torch.ones(3).add_(1)
        raise ValueError("as without a trace")

    with pytest.raises(ValueError, match="as without a trace"):
        trace_of(failing)
    seen = []
    calls.run(lambda one: partial(seen.append, one), 1)  # which nobody watches any more
    assert seen == [1]


def test_an_operation_that_fails_in_a_repetition_fails_there() -> None:
    full = []

    def call() -> None:
        if full:
            raise MemoryError("memory is too short")

    trace = trace_of(lambda: calls.run(lambda: call))
    full.append(True)
    with pytest.raises(MemoryError, match="memory is too short"):
        trace.replay()
