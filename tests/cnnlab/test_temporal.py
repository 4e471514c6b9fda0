"""Layers over time: values and sizes are torch's, counts a recount's, what does not fit is refused."""

import math
from itertools import product

import pytest
import torch
from torch.nn import functional

from cnnlab import registry
from cnnlab.errors import ConfigError
from cnnlab.layer import Context, Mode
from cnnlab.layers.average_pool1d import AveragePool1d
from cnnlab.layers.conv1d import Conv1d
from cnnlab.layers.max_pool1d import MaxPool1d
from cnnlab.layers.series import Series
from cnnlab.layers.subsample1d import Subsample1d

NOTHING = Context({}, frozenset(), torch.zeros(0), torch.zeros(0), Mode.TRAIN)
ROWS = 3
SHAPES = [  # steps, kernel, stride, padding
    (time, kernel, stride, padding)
    for time in (1, 2, 5, 8, 9)
    for kernel in (1, 2, 3, 5)
    for stride in (1, 2, 3)
    for padding in (0, 1, 2)
    if time + 2 * padding >= kernel
]


def numbers(*shape, seed=1):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def weights(layer):
    return [numbers(ROWS, *own.shape, seed=2 + i) for i, own in enumerate(layer.parameters)]


def series(*values):
    return torch.tensor(values, dtype=torch.float64)[None, None, None]  # (1, 1, 1, T)


@pytest.mark.parametrize("same", [True, False], ids=["shared", "own"])
@pytest.mark.parametrize("bias", [True, False])
def test_a_convolution_is_torchs(bias, same):
    for time, kernel, stride, padding in SHAPES:
        layer = Conv1d(2, 4, kernel, padding, bias, stride)
        p = weights(layer)
        x = numbers(5, 1 if same else ROWS, 2, time).expand(-1, ROWS, -1, -1)
        y = layer.forward(x, p, [], NOTHING)
        assert y.shape == (5, ROWS, *layer.output((2, time)))
        for k in range(ROWS):
            expected = functional.conv1d(
                x[:, k], p[0][k], p[1][k] if bias else None, stride=stride, padding=padding
            )
            torch.testing.assert_close(y[:, k], expected, rtol=0, atol=1e-13)


def test_flipped_it_is_convolution_proper():
    """(1, 2, 3) * (1, 10, 100) by hand: the filter's first number meets what comes last."""
    x, filter_ = series(1, 2, 3), series(1, 10, 100)
    turned = Conv1d(1, 1, 3, 2, bias=False, flip=True).forward(x, [filter_], [], NOTHING)
    straight = Conv1d(1, 1, 3, 2, bias=False).forward(x, [filter_], [], NOTHING)
    assert turned.flatten().tolist() == [1, 12, 123, 230, 300]
    assert straight.flatten().tolist() == [100, 210, 321, 32, 3]


def test_a_shape_is_found_whenever_it_comes():
    early, late = series(1, 5, 2, 0, 0, 0, 0), series(0, 0, 0, 1, 5, 2, 0)
    layer = Conv1d(1, 1, 3)
    p = [series(1, 5, 2), torch.zeros(1, 1, dtype=torch.float64)]
    found = [layer.forward(x, p, [], NOTHING).flatten() for x in (early, late)]
    assert [int(y.argmax()) for y in found] == [0, 3]
    assert [float(y.max()) for y in found] == [30, 30]


def test_a_shared_batch_is_worked_on_once(monkeypatch):
    groups = []

    def spy(*given, **named):
        groups.append(named["groups"])
        return functional.conv2d(*given, **named)

    monkeypatch.setattr("cnnlab.layers.conv1d.conv2d", spy)
    layer = Conv1d(2, 4, 3)
    x, p = numbers(5, 1, 2, 9).expand(-1, ROWS, -1, -1), weights(layer)
    y = layer.forward(x, p, [], NOTHING)
    torch.testing.assert_close(layer.forward(x.clone(), p, [], NOTHING), y, rtol=0, atol=1e-13)
    assert groups == [1, ROWS]


def test_parameters_of_a_convolution():
    layer = Conv1d(3, 4, 5, initializer="ones")
    assert [(own.name, own.shape, own.role, own.fan_in, own.initializer) for own in layer.parameters] == [
        ("weight", (4, 3, 5), "weight", 15, "ones"),
        ("bias", (4,), "bias", 15, "zeros"),
    ]
    assert layer.parameters[0].fan_out == 20
    assert [own.name for own in Conv1d(3, 4, 5, bias=False).parameters] == ["weight"]
    for name in registry.names("initializers"):
        biases = Conv1d(3, 4, 5, initializer=name).parameters[1].initializer
        assert biases == registry.get("initializers", name).biases


def test_work_is_what_a_recount_finds():
    """Each place of each window is a link, zeros of the padding included, and each bias once a step."""
    for time, kernel, stride, padding in SHAPES:
        layer = Conv1d(2, 4, kernel, padding, stride=stride)
        first = range(-padding, time + padding - kernel + 1, stride)  # where the windows begin
        links = [(o, i, t + d) for o in range(4) for t in first for i in range(2) for d in range(kernel)]
        assert layer.output((2, time)) == (4, len(first))
        assert layer.multiply_adds((2, time)) == len(links)
        assert layer.connections((2, time)) == len(links) + 4 * len(first)
        bare = Conv1d(2, 4, kernel, padding, bias=False, stride=stride)
        assert bare.connections((2, time)) == bare.multiply_adds((2, time)) == len(links)


@pytest.mark.parametrize("same", [True, False], ids=["shared", "own"])
@pytest.mark.parametrize(
    ("layer", "plain"), [(MaxPool1d, functional.max_pool1d), (AveragePool1d, functional.avg_pool1d)]
)
def test_pooling_is_torchs(layer, plain, same):
    for kernel, stride, time in product((1, 2, 3), (None, 1, 2, 3), range(3, 9)):
        x = numbers(5, 1 if same else ROWS, 2, time).expand(-1, ROWS, -1, -1)
        y = layer(kernel, stride).forward(x, [], [], NOTHING)
        assert y.shape[2:] == layer(kernel, stride).output((2, time))
        for k in range(ROWS):
            torch.testing.assert_close(y[:, k], plain(x[:, k], kernel, stride), rtol=0, atol=1e-14)


def test_pooling_and_subsampling_of_one_series():
    x = series(1, 5, 2, 2, -4, -6, 9)  # the 9 is left over
    assert MaxPool1d(2).forward(x, [], [], NOTHING).flatten().tolist() == [5, 2, -4]
    assert AveragePool1d(2).forward(x, [], [], NOTHING).flatten().tolist() == [3, 2, -5]
    coefficient, bias = (torch.full((1, 1), value, dtype=torch.float64) for value in (10, 1))
    y = Subsample1d(1).forward(x, [coefficient, bias], [], NOTHING)
    assert y.flatten().tolist() == [61, 41, -99], "the sum, not the mean"
    assert Subsample1d(1, 3).forward(x, [coefficient, bias], [], NOTHING).flatten().tolist() == [81, -79]


def test_each_map_of_each_row_has_its_own_coefficient():
    layer = Subsample1d(2, 2)
    x, p = numbers(5, ROWS, 2, 7), weights(layer)
    y = layer.forward(x, p, [], NOTHING)
    sums = x[..., 0:6:2] + x[..., 1:6:2]
    torch.testing.assert_close(y, p[0][None, :, :, None] * sums + p[1][None, :, :, None], rtol=0, atol=1e-14)


def test_counts_of_subsampling():
    """As in LeNet's S2, over time: two parameters a map, k + 1 links an output, one product."""
    layer = Subsample1d(6, 4)
    assert [(own.name, own.shape, own.role, own.fan_in) for own in layer.parameters] == [
        ("coefficient", (6,), "scale", 4),
        ("bias", (6,), "bias", 4),
    ]
    assert layer.output((6, 30)) == (6, 7)
    assert layer.multiply_adds((6, 30)) == 6 * 7
    assert layer.connections((6, 30)) == 6 * 7 * 5
    assert Subsample1d(6, 4, "ones").parameters[0].initializer == "ones"


def test_a_ties_gradient_goes_to_the_first():
    x = torch.ones(1, 1, 1, 3, requires_grad=True)
    (slope,) = torch.autograd.grad(MaxPool1d(3).forward(x, [], [], NOTHING).sum(), x)
    assert slope.flatten().tolist() == [1, 0, 0]


def test_a_row_of_pixels_becomes_a_series():
    x = numbers(5, ROWS, 2, 1, 7)
    y = Series().forward(x, [], [], NOTHING)
    assert y.shape == (5, ROWS, *Series().output((2, 1, 7)))
    assert torch.equal(y, x[:, :, :, 0])


@pytest.mark.parametrize("layer", [Series(), MaxPool1d(2), AveragePool1d(3, 2)])
def test_what_has_no_parameters_keeps_a_shared_batch_shared(layer):
    shape = (2, 1, 7) if isinstance(layer, Series) else (2, 7)
    x = numbers(5, 1, *shape).expand(-1, ROWS, *shape)
    y = layer.forward(x, [], [], NOTHING)
    assert y.shape[:2] == (5, ROWS)
    assert y.stride(1) == 0


@pytest.mark.parametrize(("height", "width"), [(2, 7), (28, 28), (7, 1)])
def test_images_of_another_height_are_no_series(height, width):
    words = f"a series must be an image one pixel high, got {height}×{width}"
    with pytest.raises(ConfigError, match=words) as caught:
        Series().output((1, height, width))
    assert caught.value.path == "model"


@pytest.mark.parametrize(
    "layer", [Conv1d(1, 1, 5), Conv1d(1, 1, 9, 2), MaxPool1d(5), AveragePool1d(5, 1), Subsample1d(1, 5)]
)
def test_series_that_are_too_short_are_refused(layer):
    words = f"a window of {layer.kernel} steps does not fit series of 4"
    with pytest.raises(ConfigError, match=words) as caught:
        layer.output((1, 4))
    assert caught.value.path == "model"
    assert math.prod(layer.output((1, 5))) == 1
