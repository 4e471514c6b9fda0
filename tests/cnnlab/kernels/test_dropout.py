"""The compiled factors of dropout are torch's, bit for bit."""

import packing  # noqa: F401  (one thread)
import pytest
import torch
from compiled_library import needs_kernels
from hypothesis import given, settings
from hypothesis import strategies as st

from cnnlab import rng
from cnnlab.kernels import library
from cnnlab.kernels.dropout import dropout_factors
from cnnlab.layer import Context, Mode
from cnnlab.layers.dropout import Dropout

pytestmark = needs_kernels

INT32 = st.integers(-(2**31), 2**31 - 1)
EDGES = st.sampled_from([-(2**31), -1, 0, 2**31 - 1])


def whole(numbers: list[int]) -> torch.Tensor:
    return torch.tensor(numbers, dtype=torch.int32)


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(
        st.tuples(INT32, INT32 | EDGES, st.sampled_from([0.0, 1.0, 1.25, 3e38])), min_size=1, max_size=5
    ),
    first=st.integers(0, 2**31 - 5000),
    units=st.sampled_from([1, 7, 1023, 1024, 1025, 3000]),
    dtype=st.sampled_from([torch.float32, torch.float64]),
)
def test_they_are_those_of_torch(
    rows: list[tuple[int, int, float]], first: int, units: int, dtype: torch.dtype
) -> None:
    keys, limits, scales = zip(*rows, strict=True)
    key, limit = whole(list(keys)), whole(list(limits))[:, None]
    scale = torch.tensor(scales, dtype=dtype)[:, None]
    assert library.takes(scale)
    index = torch.arange(first, first + units, dtype=torch.int32)
    expected = (rng.bits_of(key, index) <= limit) * scale
    assert torch.equal(dropout_factors(key, limit, scale, first, units), expected)


def test_a_limit_that_is_reached_keeps_the_unit() -> None:
    key, index = whole([5]), torch.arange(9, dtype=torch.int32)
    reached = rng.bits_of(key, index)[0, 4].clone()
    scale = torch.ones(1, 1)
    assert dropout_factors(key, reached.view(1, 1), scale, 0, 9)[0, 4] == 1
    assert dropout_factors(key, (reached - 1).view(1, 1), scale, 0, 9)[0, 4] == 0


@pytest.mark.parametrize("scaled", ["train", "predict"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_layer_has_the_same_bits_with_and_without(scaled: str, dtype: torch.dtype) -> None:
    x = torch.rand(6, 3, 5, 2, 2, dtype=dtype)
    rates = torch.tensor([0.0, 0.3, 1.0], dtype=dtype)

    def factors() -> torch.Tensor:
        context = Context(
            {"rate": rates}, frozenset(), whole([1, 2, 3]), whole([7, 7, 8]), Mode.TRAIN, first=64
        )
        return Dropout("rate", scaled).factors(x, context)  # type: ignore[arg-type]

    compiled = factors()
    with library.torch_alone():
        assert torch.equal(factors(), compiled)
    kept = (compiled != 0).double().mean((0, 2, 3, 4))
    assert kept[0] == 1
    assert kept[2] == 0
