"""Clipped gradients: torch's, row by row; a row without a bound keeps its bits."""

import math

import packing
import pytest
import torch
from torch.nn.utils import clip_grad_norm_, clip_grad_value_

from cnnlab.engine.clipping import Clipping
from cnnlab.errors import ConfigError

CPU = torch.device("cpu")


def clipped(gradient, *rows):
    configs = [packing.config(precision="float64", **row) for row in rows]
    found = gradient.clone()
    Clipping(configs, CPU, gradient.dtype).clip(found)
    return found


def random(rows, dtype=torch.float64):
    return torch.randn(rows, 50, generator=torch.Generator().manual_seed(1), dtype=dtype)


@pytest.mark.parametrize("bound", [0.01, 1.0, 7.0, 1e3])
def test_norm_and_value_are_torchs(bound):
    gradient = 2 * random(4)
    rows = [{"clip_norm": bound}, {"clip_value": bound}, {}, {"clip_norm": bound, "clip_value": 2 * bound}]
    found = clipped(gradient, *rows)
    for k, row in enumerate(rows):
        # Several parameters, whose norm torch takes together.
        parts = [torch.nn.Parameter(torch.zeros(25).double()) for _ in range(2)]
        for part, own in zip(parts, gradient[k].split(25), strict=True):
            part.grad = own.clone()
        if "clip_value" in row:
            clip_grad_value_(parts, row["clip_value"])
        if "clip_norm" in row:
            clip_grad_norm_(parts, row["clip_norm"])
        torch.testing.assert_close(found[k], torch.cat([p.grad for p in parts]), rtol=1e-13, atol=1e-15)
    assert torch.equal(found[2], gradient[2])


def test_without_any_bound_nothing_is_done():
    gradient = random(2)
    gradient[0, 0], gradient[1, 0] = math.inf, math.nan
    assert torch.equal(clipped(gradient, {}, {}).nan_to_num(), gradient.nan_to_num())


def test_a_row_that_has_diverged_moves_no_other_and_none_without_a_bound_changes():
    gradient = random(4, torch.float32)
    rows = [{"clip_norm": 0.1, "clip_value": 0.5}, {}, {"clip_norm": 0.1}, {"clip_value": 0.5}]
    expected = clipped(gradient, *rows)
    gradient[0], gradient[1, 3] = math.nan, -math.inf
    found = clipped(gradient, *rows)
    assert torch.equal(found[2:], expected[2:])
    assert torch.equal(found[1], gradient[1])
    assert found[0].isnan().all()


def test_rows_with_and_without_bounds_train_as_they_do_alone():
    rows = [
        {"clip_norm": 0.05},
        {"clip_value": 0.01},
        {},
        {"clip_norm": 0.05, "optimizer": "adam", "l2": 0.1},
    ]
    packing.assert_packing_does_not_matter([packing.config(**row) for row in rows])
    own, *others = [packing.config(precision="float32", **rows[i]) for i in (0, 1, 2, 0)]
    packing.assert_neighbours_do_not_matter(own, others)


def test_the_bound_is_of_the_whole_objective():
    """A step of sgd is as long as the bound, whatever the penalty adds to the gradient."""
    row = {
        "clip_norm": 0.01,
        "optimizer": {"name": "sgd", "lr": 1.0},
        "l2": {"strength": 5.0, "scope": "all"},
    }
    array = packing.make([packing.config(**row)])
    before = array.theta.clone()
    packing.train(array, 1)
    assert float((array.theta - before).norm()) == pytest.approx(0.01, rel=1e-4)


@pytest.mark.parametrize("field", ["clip_norm", "clip_value"])
@pytest.mark.parametrize("value", [0, -1, math.nan, math.inf, "much", True, [1], None])
def test_a_bound_is_none_or_a_number_above_0(field, value):
    with pytest.raises(ConfigError) as caught:
        packing.config(**{field: value})
    assert caught.value.path == f"train.{field}"
    assert caught.value.message == f"must be none or a number from 1e-12 to 1e+12, got {value!r}"
