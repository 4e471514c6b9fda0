"""Windows that overlap, are padded or hang over the edge: sizes and values are torch's."""

import pytest
import torch
from torch.nn import functional

from cnnlab.layer import Context, Mode
from cnnlab.layers.average_pool2d import AveragePool2d
from cnnlab.layers.max_pool2d import MaxPool2d
from cnnlab.layers.min_pool2d import MinPool2d
from cnnlab.layers.sum_pool2d import SumPool2d
from cnnlab.pooling import pooled

NOTHING = Context({}, frozenset(), torch.zeros(0), torch.zeros(0), Mode.TRAIN)
NOTES = torch.tensor([[1.0, 0, 2, 3], [4, 6, 6, 8], [3, 1, 1, 0], [1, 2, 2, 4]])[None, None, None]


@pytest.mark.parametrize("ceil", [False, True])
@pytest.mark.parametrize("kernel", [1, 2, 3])
def test_sizes_are_torchs(kernel, ceil):
    for size in range(kernel, 12):
        for stride in (1, 2, 3, 4):
            for padding in range(kernel // 2 + 1):
                x = torch.zeros(1, 1, size, size + 1)
                y = functional.max_pool2d(x, kernel, stride, padding, ceil_mode=ceil)
                assert pooled((1, size, size + 1), kernel, stride, padding, ceil) == y.shape[1:]


def test_maps_of_alexnet_and_googlenet():
    assert MaxPool2d(3, 2).output((96, 55, 55)) == (96, 27, 27)
    assert MaxPool2d(3, 2, ceil=True).output((64, 112, 112)) == (64, 56, 56)
    assert MaxPool2d(3, 1, 1).output((192, 28, 28)) == (192, 28, 28)


@pytest.mark.parametrize(
    ("layer", "expected"),
    [
        (MaxPool2d(2), [[6, 8], [3, 4]]),
        (MinPool2d(2), [[0, 2], [1, 0]]),
        (SumPool2d(2), [[11, 19], [7, 7]]),
        (AveragePool2d(2), [[2.75, 4.75], [1.75, 1.75]]),
    ],
)
def test_the_example_of_the_notes(layer, expected):
    assert layer.forward(NOTES, [], [], NOTHING)[0, 0, 0].tolist() == expected


def test_a_window_over_the_edge_counts_what_is_there():
    ones = torch.ones(1, 1, 1, 3, 3)
    assert SumPool2d(2, ceil=True).forward(ones, [], [], NOTHING)[0, 0, 0].tolist() == [[4, 2], [2, 1]]
    assert SumPool2d(3, 3, 1).forward(ones, [], [], NOTHING).flatten().tolist() == [4]
    assert AveragePool2d(3, 3, 1).forward(ones, [], [], NOTHING).item() == pytest.approx(4 / 9)
    assert AveragePool2d(3, 3, 1, count=False).forward(ones, [], [], NOTHING).item() == 1
    assert MinPool2d(3, 3, 1).forward(ones, [], [], NOTHING).item() == 1


@pytest.mark.parametrize("layer", [MaxPool2d(2), MinPool2d(2)])
def test_a_ties_gradient_goes_to_the_first(layer):
    x = torch.ones(1, 1, 1, 2, 2, requires_grad=True)
    (slope,) = torch.autograd.grad(layer.forward(x, [], [], NOTHING).sum(), x)
    assert slope.flatten().tolist() == [1, 0, 0, 0]
