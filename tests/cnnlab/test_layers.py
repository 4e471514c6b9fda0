"""Conformance of every layer: rows do not meet, shapes are as announced, gradients and values as torch's."""

import packing  # noqa: F401  (one thread)
import pytest
import torch
from layer_examples import EXAMPLES, context
from torch.nn import functional

from cnnlab.errors import CnnlabError, ConfigError
from cnnlab.layer import Context, Mode, shared_batch
from cnnlab.layers.average_pool2d import AveragePool2d
from cnnlab.layers.batch_norm import BatchNorm
from cnnlab.layers.branches import Branches
from cnnlab.layers.conv2d import Conv2d
from cnnlab.layers.dropout import Dropout
from cnnlab.layers.linear import Linear
from cnnlab.layers.max_pool2d import MaxPool2d
from cnnlab.layers.rbf import Rbf
from cnnlab.layers.residual import Residual
from cnnlab.layers.sum_pool2d import SumPool2d

IMAGES, ROWS = 5, 4
PLAIN = {
    "conv2d": lambda x, p: functional.conv2d(x, *p, padding=(1, 0)),
    "conv2d of one channel": lambda x, p: functional.conv2d(x, *p),
    "conv2d without bias": lambda x, p: functional.conv2d(x, *p),
    "conv2d with a stride": lambda x, p: functional.conv2d(x, *p, stride=2, padding=(1, 0)),
    "conv2d flipped": lambda x, p: functional.conv2d(x, p[0].flip(2, 3), p[1]),
    "connected-conv2d in groups": lambda x, p: functional.conv2d(x, *p, groups=2),
    "linear": lambda x, p: functional.linear(x, *p),
    "linear without bias": lambda x, p: functional.linear(x, *p),
    "max-pool2d": lambda x, p: functional.max_pool2d(x, 2),
    "average-pool2d": lambda x, p: functional.avg_pool2d(x, 2),
    "min-pool2d": lambda x, p: -functional.max_pool2d(-x, 2),
    "sum-pool2d": lambda x, p: 4 * functional.avg_pool2d(x, 2),
    "max-pool2d that overlaps": lambda x, p: functional.max_pool2d(x, 3, 2, ceil_mode=True),
    "min-pool2d that overlaps": lambda x, p: -functional.max_pool2d(-x, 3, 2, 1),
    "average-pool2d that overlaps": lambda x, p: functional.avg_pool2d(
        x, 3, 2, 1, ceil_mode=True, count_include_pad=False
    ),
    "subsample": lambda x, p: 4 * functional.avg_pool2d(x, 2) * p[0][:, None, None] + p[1][:, None, None],
    "series": lambda x, p: x[:, :, 0],
    "conv1d": lambda x, p: functional.conv1d(x, *p, padding=1),
    "conv1d of one channel": lambda x, p: functional.conv1d(x, *p),
    "conv1d without bias": lambda x, p: functional.conv1d(x, *p),
    "conv1d with a stride": lambda x, p: functional.conv1d(x, *p, stride=2, padding=1),
    "conv1d flipped": lambda x, p: functional.conv1d(x, p[0].flip(2), p[1]),
    "max-pool1d": lambda x, p: functional.max_pool1d(x, 2),
    "max-pool1d that overlaps": lambda x, p: functional.max_pool1d(x, 3, 2),
    "average-pool1d": lambda x, p: functional.avg_pool1d(x, 2),
    "average-pool1d that overlaps": lambda x, p: functional.avg_pool1d(x, 3, 2),
    "subsample1d": lambda x, p: 3 * functional.avg_pool1d(x, 3) * p[0][:, None] + p[1][:, None],
    "local-response-norm": lambda x, p: functional.local_response_norm(x, 3, 3 * 0.5, 0.75, 2.0),
    "rbf": lambda x, p: -torch.cdist(x, Rbf(4).codes.double()).square(),
    "flatten": lambda x, p: x.flatten(1),
    "global-average-pool": lambda x, p: functional.adaptive_avg_pool2d(x, 1).flatten(1),
    "pad-maps": lambda x, p: functional.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, 1, 2)),
    "residual of layers": lambda x, p: (
        x + functional.batch_norm(functional.conv2d(x, *p[:2], padding=1), None, None, *p[2:], training=True)
    ),
    "branches of layers": lambda x, p: torch.cat(
        [
            functional.batch_norm(functional.conv2d(x, *p[:2]), None, None, *p[2:4], training=True),
            functional.conv2d(x, *p[4:], padding=1),
        ],
        1,
    ),
    "batch-norm": lambda x, p: functional.batch_norm(x, None, None, *p, training=True),
    "batch-norm of maps": lambda x, p: functional.batch_norm(x, None, None, *p, training=True),
}


def numbers(layer, shape, dtype, same):
    """Make input (N, K, …), parameters and buffers; `same` gives all rows one input by stride 0."""
    g = torch.Generator().manual_seed(1)
    x = torch.randn(IMAGES, 1 if same else ROWS, *shape, generator=g, dtype=torch.float64).to(dtype)
    x = x.expand(-1, ROWS, *shape)
    p = [
        torch.randn(ROWS, *own.shape, generator=g, dtype=torch.float64).to(dtype) for own in layer.parameters
    ]
    b = [
        torch.rand(ROWS, *own.shape, generator=g, dtype=torch.float64).to(dtype) + 1 for own in layer.buffers
    ]
    return x, p, b


def passes(layer, x, p, b, rows, training=True):
    """Return output, gradients and buffers after one pass forward and back."""
    inputs = [part.clone().requires_grad_() for part in p]
    source = x.detach().requires_grad_()
    kept = [part.clone() for part in b]
    own = context(rows, x.dtype, training)
    y = layer.forward(source, inputs, kept, own)
    # Any function of the output will do for a gradient, as long as each row has its own.
    value = y.square().sum() if y.requires_grad else source.sum()
    for weight, scores in own.auxiliary:
        value = value + (weight[:, None] * scores.square()).sum()
    slopes = torch.autograd.grad(value, [source, *inputs])
    return [y.detach(), *slopes, *kept]


@pytest.mark.parametrize("same", [True, False], ids=["shared", "own"])
@pytest.mark.parametrize("name", EXAMPLES)
def test_a_row_is_what_it_is_alone(name, same):
    layer, shape = EXAMPLES[name]
    x, p, b = numbers(layer, shape, torch.float64, same)
    y, slope, *rest = passes(layer, x, p, b, torch.arange(ROWS))
    assert y.shape == (IMAGES, ROWS, *layer.output(shape))
    for k in range(ROWS):
        own = [part[k : k + 1] for part in p], [part[k : k + 1] for part in b]
        alone_y, alone_slope, *alone = passes(layer, x[:, k : k + 1], *own, torch.tensor([k]))
        torch.testing.assert_close(y[:, k], alone_y[:, 0], rtol=0, atol=1e-12)
        if not same:  # the slope of a shared batch is one for all rows, and nobody asks for it
            torch.testing.assert_close(slope[:, k], alone_slope[:, 0], rtol=0, atol=1e-12)
        for part, expected in zip(rest, alone, strict=True):
            torch.testing.assert_close(part[k], expected[0], rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", EXAMPLES)
def test_neighbours_do_not_change_a_bit(name):
    """In float32, with other numbers and with NaN beside it."""
    layer, shape = EXAMPLES[name]
    x, p, b = numbers(layer, shape, torch.float32, same=False)
    y, slope, *rest = passes(layer, x, p, b, torch.arange(ROWS))
    for poison in (7.0, float("nan")):
        for tensor in (*p, *b):
            tensor[[0, 2, 3]] = poison
        spoilt = x.clone()
        spoilt[:, [0, 2, 3]] = poison
        other_y, other_slope, *other = passes(layer, spoilt, p, b, torch.arange(ROWS))
        assert torch.equal(y[:, 1], other_y[:, 1])
        assert torch.equal(slope[:, 1], other_slope[:, 1])
        assert all(torch.equal(part[1], same[1]) for part, same in zip(rest, other, strict=True))


@pytest.mark.parametrize("name", EXAMPLES)
def test_gradients_are_those_of_the_values(name):
    layer, shape = EXAMPLES[name]
    x, p, b = numbers(layer, shape, torch.float64, same=False)
    rows = torch.arange(ROWS)

    def value(x, *p):
        own = context(rows, torch.float64)
        y = layer.forward(x, p, [part.clone() for part in b], own)
        return (y, *(scores for _, scores in own.auxiliary))

    assert torch.autograd.gradcheck(
        value, [part.clone().requires_grad_() for part in (x, *p)], fast_mode=True
    )


@pytest.mark.parametrize("name", PLAIN)
def test_it_equals_torch(name):
    layer, shape = EXAMPLES[name]
    x, p, b = numbers(layer, shape, torch.float64, same=True)
    y = layer.forward(x, p, b, context(torch.arange(ROWS), torch.float64))
    for k in range(ROWS):
        expected = PLAIN[name](x[:, k], [part[k] for part in p])
        torch.testing.assert_close(y[:, k], expected, rtol=0, atol=1e-12)


def test_a_shared_batch_stays_shared_through_layers_without_parameters():
    for name in ("max-pool2d", "average-pool2d", "min-pool2d", "sum-pool2d", "flatten"):
        layer, shape = EXAMPLES[name]
        x, p, b = numbers(layer, shape, torch.float64, same=True)
        innermost = x[:, 0].contiguous(memory_format=torch.channels_last)
        x = innermost[:, None].expand(-1, ROWS, *shape)
        assert layer.forward(x, p, b, context(torch.arange(ROWS), torch.float64)).stride(1) == 0


def test_links_of_lenet():
    """LeCun 1998: C1 has 122,304 links, S4 feeds C5 with 48,120."""
    assert Conv2d(1, 6, 5).connections((1, 32, 32)) == 122_304
    assert Linear(400, 120).connections((400,)) == 48_120
    assert Linear(400, 120, bias=False).connections((400,)) == 48_000


@pytest.mark.parametrize(
    ("layer", "words"),
    [
        (Conv2d(1, 1, 5), "a 5×5 filter does not fit maps of 4×9"),
        (MaxPool2d(5), "a 5×5 window does not fit maps of 4×9"),
        (AveragePool2d(5), "a 5×5 window does not fit maps of 4×9"),
        (SumPool2d(5, 1), "a 5×5 window does not fit maps of 4×9"),
    ],
)
def test_images_that_are_too_small_are_refused(layer, words):
    with pytest.raises(ConfigError, match=words) as caught:
        layer.output((1, 4, 9))
    assert caught.value.path == "model"


def test_pooling_the_example_of_the_notes():
    x = torch.tensor([[1.0, 0, 2, 3], [4, 6, 6, 8], [3, 1, 1, 0], [1, 2, 2, 4]])[None, None, None]
    y = MaxPool2d(2).forward(x, [], [], context(torch.arange(1), x.dtype))
    assert y[0, 0, 0].tolist() == [[6, 8], [3, 4]]


def dropped(rate, training=True, images=4000, seed=1, step=3):
    hypers = {"rate": torch.tensor([rate])}
    seeds = torch.tensor([seed], dtype=torch.int32)
    own = Context(
        hypers,
        frozenset(),
        seeds,
        torch.tensor([step], dtype=torch.int32),
        Mode.TRAIN if training else Mode.PREDICT,
    )
    return Dropout("rate").forward(torch.ones(images, 1, 10), [], [], own)


def test_dropout_keeps_the_mean_and_drops_its_share():
    y = dropped(0.3)
    assert set(y.unique().tolist()) == {0.0, float(1 / (1 - torch.tensor(0.3)))}
    share = float((y == 0).double().mean())
    assert share == pytest.approx(0.3, abs=4 * (0.3 * 0.7 / y.numel()) ** 0.5)


def test_dropout_at_its_ends():
    assert torch.equal(dropped(0.0), torch.ones(4000, 1, 10))
    assert torch.equal(dropped(1.0), torch.zeros(4000, 1, 10))
    assert torch.equal(dropped(0.9, training=False), torch.ones(4000, 1, 10))


def test_masks_change_with_seed_and_step():
    masks = [dropped(0.5), dropped(0.5, seed=2), dropped(0.5, step=4)]
    for other in masks[1:]:
        assert 0.45 < (masks[0] == other).double().mean() < 0.55


def test_running_statistics_are_torchs():
    layer = BatchNorm(6)
    x, p, b = numbers(layer, (6,), torch.float64, same=False)
    plain = torch.nn.BatchNorm1d(6).double()
    plain.running_mean[:], plain.running_var[:] = b[0][2], b[1][2]
    layer.forward(x, p, b, context(torch.arange(ROWS), torch.float64))
    plain(x[:, 2])
    torch.testing.assert_close(b[0][2], plain.running_mean, rtol=0, atol=1e-15)
    torch.testing.assert_close(b[1][2], plain.running_var, rtol=0, atol=1e-15)


def test_predicting_uses_running_statistics_and_leaves_them():
    layer = BatchNorm(6)
    x, p, b = numbers(layer, (6,), torch.float64, same=False)
    before = [part.clone() for part in b]
    y = layer.forward(x, p, b, context(torch.arange(ROWS), torch.float64, training=False))
    expected = functional.batch_norm(x[:, 2], b[0][2], b[1][2], p[0][2], p[1][2])
    torch.testing.assert_close(y[:, 2], expected, rtol=0, atol=1e-13)
    assert all(torch.equal(part, same) for part, same in zip(b, before, strict=True))


def test_one_number_per_feature_has_no_variance():
    layer = BatchNorm(6)
    x, p, b = numbers(layer, (6,), torch.float64, same=False)
    with pytest.raises(CnnlabError, match=r"use train\.batch_size ≥ 2"):
        layer.forward(x[:1], p, b, context(torch.arange(ROWS), torch.float64))


def test_a_composite_counts_its_layers():
    """Work, numbers kept and places are sums; two dropouts in one block have two masks."""
    layer, shape = EXAMPLES["residual with a shortcut"]
    assert layer.multiply_adds(shape) == 3 * 2 * 3 * 2 * 9 + 3 * 2 * 3 * 2
    assert layer.connections(shape) == layer.multiply_adds(shape) + 2 * 3 * 2 * 3
    assert layer.activations(shape) == (18 + 18) + (40 + 18 + 18) + 18
    assert layer.layer_count == 5
    assert [p.name for p in layer.parameters][-2:] == ["shortcut.norm.weight", "shortcut.norm.bias"]
    drop = Dropout("rate")
    both = Residual({"drop": drop}, {"drop": drop})
    y = both.forward(torch.ones(200, ROWS, 6), [], [], context(torch.arange(ROWS), torch.float32))
    assert len(y[:, 2].unique()) == 3  # neither, one, both


def test_parts_that_do_not_fit_together_are_refused():
    with pytest.raises(ConfigError, match="cannot be added to a shortcut of"):
        Residual({"conv": Conv2d(2, 3, 3)}).output((2, 5, 4))
    with pytest.raises(ConfigError, match="must have maps of one size"):
        Branches({"a": {}, "b": {"conv": Conv2d(2, 3, 3)}}).output((2, 5, 4))


def test_each_branch_moves_its_own_buffers():
    def norm(scale: int) -> dict:
        return {"conv": Conv2d(2, scale, 1), "norm": BatchNorm(scale)}

    layer = Branches({"a": norm(2), "b": norm(2)})
    x, p, b = numbers(layer, (2, 5, 4), torch.float64, same=False)
    expected = [part.clone() for part in b]
    alone = Branches({"b": norm(2)})
    alone.forward(x, p[4:], expected[2:], context(torch.arange(ROWS), torch.float64))
    layer.forward(x, p, b, context(torch.arange(ROWS), torch.float64))
    assert torch.equal(b[2], expected[2])
    assert torch.equal(b[3], expected[3])


def test_the_gradient_of_a_row_alone_keeps_its_layout():
    """With channels innermost, as convolutions leave them: copied into zeros, it would lose that."""
    x = torch.randn(2, 1, 4, 5, 3).permute(0, 1, 4, 2, 3).requires_grad_()
    weights = torch.randn(2, 4, 5, 3).permute(0, 3, 1, 2)
    (slope,) = torch.autograd.grad(shared_batch(x), x, weights)
    assert torch.equal(slope[:, 0], weights)
    assert slope[:, 0].stride() == weights.stride()
    assert torch.equal(shared_batch(x.detach().expand(-1, 3, -1, -1, -1)), x[:, 0])
