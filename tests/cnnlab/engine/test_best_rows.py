"""The best epoch of each row: the first of equals, never a NaN, in either direction."""

import math

import pytest
import torch
from torch import Tensor

from cnnlab import resolve
from cnnlab.engine.array import Array
from cnnlab.engine.best_rows import BestRows
from cnnlab.engine.net import build

NAN = math.nan


def array() -> Array:
    config = resolve({"model": {"name": "mlp", "hidden": [2]}, "data": {"name": "fashion-mnist-mini"}})
    return Array(build(config), [config] * 3, [0, 1, 2])


def noted(sign: int, *objectives: list[float]) -> tuple[BestRows, Array]:
    """What is best after these epochs; the weights of epoch e are e."""
    own = array()
    best = BestRows(own, sign)
    for epoch, values in enumerate(objectives, 1):
        own.theta.fill_(epoch)
        best.note(torch.tensor(epoch, dtype=torch.int32), torch.tensor(values, dtype=torch.float64))
    return best, own


@pytest.mark.parametrize(
    ("sign", "epochs", "values"), [(1, [2, 0, 1], [5, NAN, 4]), (-1, [1, 0, 2], [3, NAN, 2])]
)
def test_the_best_epoch_has_its_weights(sign: int, epochs: list[int], values: list[float]) -> None:
    best, _ = noted(sign, [3.0, NAN, 4.0], [5.0, NAN, 2.0], [5.0, NAN, 2.0], [3.0, NAN, 4.0])
    read = best.read()
    assert [epoch for epoch, _, _ in read] == epochs
    assert [value for _, value, _ in read] == pytest.approx(values, nan_ok=True)
    for epoch, _, weights in read:
        first: Tensor = weights["linear1.weight"]
        assert bool((first == epoch).all()) == (epoch > 0)


def test_a_state_is_loaded_row_by_row_and_forgotten() -> None:
    best, _ = noted(1, [3.0, 1.0, 4.0])
    other, own = noted(1, [0.0, 0.0, 0.0])
    other.load_row(2, {name: tensor[0] for name, tensor in best.state().items()})
    assert [read[:2] for read in other.read()] == [(1, 0.0), (1, 0.0), (1, 3.0)]
    own.theta.fill_(7)
    other.forget(2)
    epoch, value, weights = other.read()[2]
    assert (epoch, math.isnan(value), float(weights["linear1.weight"][0, 0])) == (0, True, 7.0)


def test_addresses_stay() -> None:
    best, own = noted(1, [3.0, 1.0, 4.0])
    before = [tensor.data_ptr() for tensor in best.tensors]
    best.note(torch.tensor(2), torch.tensor([4.0, 0.0, 5.0]))
    best.forget(1)
    best.load_row(0, {name: tensor[1] for name, tensor in best.state().items()})
    assert [tensor.data_ptr() for tensor in best.tensors] == before
    assert own.theta.data_ptr() not in before
