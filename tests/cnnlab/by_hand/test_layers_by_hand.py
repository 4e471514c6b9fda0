"""Back-propagation by hand, layer by layer: equal to torch, to autograd and to finite differences."""

from dataclasses import fields, replace

import pytest
import torch
from torch.nn import functional

from cnnlab.by_hand.activations import (
    Softmax,
    linear,
    relu,
    sigmoid,
    softplus,
    squash,
    tangent_sigmoid,
)
from cnnlab.by_hand.layers import BatchNorm, Dense, Flatten
from cnnlab.by_hand.losses import HalfSquaredError, SoftmaxCrossEntropy
from cnnlab.by_hand.maps import (
    Convolution,
    average_pooling,
    correlate,
    max_pooling,
    min_pooling,
    sum_pooling,
)
from cnnlab.errors import CnnlabError

torch.set_num_threads(1)


def normal(*shape, seed=1):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def convolution(maps, outputs, *kernel, **options):
    return Convolution(normal(outputs, maps, *kernel), normal(outputs), **options)


MAPS = (3, 2, 7, 6)
# Each layer, the shape of a batch for it, and the same function by torch of (a, *parameters).
EXAMPLES = {
    "dense": (Dense(normal(4, 6), normal(4)), (5, 6), functional.linear),
    "convolution": (convolution(2, 3, 3, 3), MAPS, functional.conv2d),
    "convolution, padded": (
        convolution(2, 3, 3, 3, padding=2),
        MAPS,
        lambda a, w, b: functional.conv2d(a, w, b, padding=2),
    ),
    "convolution, in steps": (
        convolution(2, 3, 3, 3, stride=2),
        MAPS,
        lambda a, w, b: functional.conv2d(a, w, b, stride=2),
    ),
    "convolution, in steps past its kernel, padded": (
        convolution(2, 3, 2, 2, stride=3, padding=1),
        MAPS,
        lambda a, w, b: functional.conv2d(a, w, b, stride=3, padding=1),
    ),
    "convolution, kernel not square": (convolution(2, 3, 2, 4), MAPS, functional.conv2d),
    "max pooling": (max_pooling(2), MAPS, lambda a: functional.max_pool2d(a, 2)),
    "max pooling, overlapping": (max_pooling(3, 2), MAPS, lambda a: functional.max_pool2d(a, 3, 2)),
    "min pooling": (min_pooling(2), MAPS, lambda a: -functional.max_pool2d(-a, 2)),
    "average pooling": (average_pooling(2), MAPS, lambda a: functional.avg_pool2d(a, 2)),
    "average pooling, apart": (average_pooling(2, 3), MAPS, lambda a: functional.avg_pool2d(a, 2, 3)),
    "sum pooling": (sum_pooling(3, 1), MAPS, lambda a: 9 * functional.avg_pool2d(a, 3, 1)),
    "batch norm": (
        BatchNorm(normal(6), normal(6)),
        (5, 6),
        lambda a, w, b: functional.batch_norm(a, None, None, w, b, training=True),
    ),
    "batch norm of maps": (
        BatchNorm(normal(2), normal(2), eps=0.1),
        MAPS,
        lambda a, w, b: functional.batch_norm(a, None, None, w, b, training=True, eps=0.1),
    ),
    "flatten": (Flatten(), MAPS, lambda a: a.flatten(1)),
    "sigmoid": (sigmoid(), (5, 6), torch.sigmoid),
    "sigmoid, steep": (sigmoid(2.5), MAPS, lambda a: torch.sigmoid(2.5 * a)),
    "tangent sigmoid": (tangent_sigmoid(), (5, 6), lambda a: torch.tanh(a / 2)),
    "tangent sigmoid, steep": (tangent_sigmoid(3.0), MAPS, lambda a: torch.tanh(1.5 * a)),
    "relu": (relu(), MAPS, torch.relu),
    "linear": (linear(), (5, 6), lambda a: a * 1),
    "softplus": (softplus(), (5, 6), functional.softplus),
    "squash": (squash(), (5, 6), lambda a: 1.7159 * torch.tanh(2 * a / 3)),
    "softmax": (Softmax(), (5, 6), lambda a: torch.softmax(a, 1)),
}
LOSSES = {
    "half squared error": (
        HalfSquaredError(),
        normal(5, 4, seed=3),
        lambda a, t: functional.mse_loss(a, t, reduction="sum") / 10,
    ),
    "softmax cross-entropy": (SoftmaxCrossEntropy(), torch.tensor([0, 3, 1, 1, 2]), functional.cross_entropy),
}


def parameters(layer):
    own = {field.name: getattr(layer, field.name) for field in fields(layer)}
    return {name: value for name, value in own.items() if isinstance(value, torch.Tensor)}


def slope_by_differences(function, x, width=1e-6):
    """Return the derivative of a number by each number of x, from both sides of it."""
    slope = torch.zeros_like(x)
    for i in range(x.numel()):
        step = torch.zeros_like(x)
        step.view(-1)[i] = width
        slope.view(-1)[i] = (function(x + step) - function(x - step)) / (2 * width)
    return slope


@pytest.mark.parametrize("name", EXAMPLES)
def test_forward_and_backward_equal_torch_and_its_autograd(name):
    layer, shape, plain = EXAMPLES[name]
    a = normal(*shape, seed=2)
    own = parameters(layer)
    inputs = [part.clone().requires_grad_() for part in (a, *own.values())]
    expected = plain(*inputs)
    y = layer.forward(a)
    torch.testing.assert_close(y, expected.detach(), rtol=0, atol=1e-12)
    delta = normal(*y.shape, seed=3)
    before, gradients = layer.backward(a, delta)
    assert list(gradients) == list(own)
    for found, by_autograd in zip(
        (before, *gradients.values()), torch.autograd.grad(expected, inputs, delta), strict=True
    ):
        torch.testing.assert_close(found, by_autograd, rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", EXAMPLES)
def test_backward_equals_finite_differences(name):
    layer, shape, _ = EXAMPLES[name]
    a = normal(*shape, seed=2)
    delta = normal(*layer.forward(a).shape, seed=3)
    before, gradients = layer.backward(a, delta)
    expected = slope_by_differences(lambda a: (layer.forward(a) * delta).sum(), a)
    torch.testing.assert_close(before, expected, rtol=0, atol=1e-7)
    for own, value in parameters(layer).items():
        expected = slope_by_differences(
            lambda value, own=own: (replace(layer, **{own: value}).forward(a) * delta).sum(), value
        )
        torch.testing.assert_close(gradients[own], expected, rtol=0, atol=1e-7)


@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_equals_torchs_and_its_delta_autograds_and_differences(name):
    loss, target, plain = LOSSES[name]
    a = normal(5, 4, seed=2).requires_grad_()
    expected = plain(a, target)
    found = loss.backward(a.detach(), target)
    torch.testing.assert_close(loss.forward(a.detach(), target), expected.detach(), rtol=0, atol=1e-12)
    torch.testing.assert_close(found, torch.autograd.grad(expected, a)[0], rtol=0, atol=1e-12)
    by_differences = slope_by_differences(lambda a: loss.forward(a, target), a.detach())
    torch.testing.assert_close(found, by_differences, rtol=0, atol=1e-8)


def test_relu_has_slope_1_at_0():
    z = torch.tensor([[-1.0, -0.0, 0.0, 2.0]])
    before, _ = relu().backward(z, torch.full_like(z, 3.0))
    assert before.tolist() == [[0, 3, 3, 3]]


@pytest.mark.parametrize("pooling", [max_pooling, min_pooling])
def test_a_tie_gives_all_its_delta_to_the_first(pooling):
    a = torch.ones(1, 1, 4, 4)
    before, _ = pooling(2).backward(a, torch.tensor([[[[1.0, 2], [3, 4]]]]))
    assert before[0, 0].tolist() == [[1, 0, 2, 0], [0, 0, 0, 0], [3, 0, 4, 0], [0, 0, 0, 0]]


def test_a_tie_of_two_goes_to_the_upper_and_then_to_the_left_one():
    a = torch.tensor([[[[0.0, 5], [5, 1]]]])
    assert max_pooling(2).backward(a, torch.ones(1, 1, 1, 1))[0][0, 0].tolist() == [[0, 1], [0, 0]]
    assert min_pooling(2).backward(-a, torch.ones(1, 1, 1, 1))[0][0, 0].tolist() == [[0, 1], [0, 0]]


def test_max_pooling_the_example_of_the_notes():
    a = torch.tensor([[1.0, 0, 2, 3], [4, 6, 6, 8], [3, 1, 1, 0], [1, 2, 2, 4]])[None, None]
    assert max_pooling(2).forward(a)[0, 0].tolist() == [[6, 8], [3, 4]]


def test_the_way_back_through_a_convolution_is_a_full_correlation_with_the_turned_kernel():
    """One δ of 1 in the middle of nowhere lays the kernel down as it is; written out by loops for many."""
    layer = convolution(1, 1, 3, 3)
    a, delta = normal(1, 1, 5, 5), normal(1, 1, 3, 3, seed=2)
    before, _ = layer.backward(a, delta)
    expected = torch.zeros(5, 5, dtype=torch.float64)
    for i in range(3):
        for j in range(3):
            expected[i : i + 3, j : j + 3] += delta[0, 0, i, j] * layer.weight[0, 0]
    torch.testing.assert_close(before[0, 0], expected, rtol=0, atol=1e-14)
    full = correlate(functional.pad(delta, (2, 2, 2, 2)), layer.weight.flip(2, 3))
    torch.testing.assert_close(before, full, rtol=0, atol=1e-14)


def test_slopes_keep_their_digits_where_the_curve_is_flat():
    """At 40 a sigmoid is 1 to the last bit, and 1 − σ would say that its slope is 0."""
    z = torch.tensor([[-1000.0, -40.0, 40.0, 1000.0]], dtype=torch.float64)
    for layer, expected in (
        (sigmoid(), torch.tensor(-40.0, dtype=torch.float64).exp()),
        (tangent_sigmoid(), 2 * torch.tensor(-40.0, dtype=torch.float64).exp()),
    ):
        before, _ = layer.backward(z, torch.ones_like(z))
        torch.testing.assert_close(before[0, 1:3], expected.expand(2), rtol=1e-14, atol=0)
        assert before[0, [0, 3]].tolist() == [0, 0]
    assert softplus().forward(z)[0].tolist() == [0, pytest.approx(4.2e-18, rel=0.02), 40, 1000]


def test_softmax_needs_its_jacobian():
    """Through the whole of it cross-entropy gives p − onehot; its diagonal forgets the other scores."""
    z, target = normal(5, 4), torch.tensor([0, 3, 1, 1, 2])
    p = Softmax().forward(z)
    onehot = functional.one_hot(target, 4).double()
    slope = -onehot / p / len(z)  # ∇_a E
    delta, _ = Softmax().backward(z, slope)
    torch.testing.assert_close(delta, SoftmaxCrossEntropy().backward(z, target), rtol=0, atol=1e-14)
    torch.testing.assert_close(delta, (p - onehot) / len(z), rtol=0, atol=1e-14)
    by_product = slope * p * (1 - p)
    assert (by_product[onehot == 0] == 0).all()
    assert (delta[onehot == 0] > 0).all()
    # On the right class's own score the two agree.
    torch.testing.assert_close(by_product[onehot == 1], delta[onehot == 1], rtol=0, atol=1e-14)


def test_scores_of_any_size_are_safe():
    scores = torch.tensor([[1000.0, -1000.0]])
    assert float(SoftmaxCrossEntropy().forward(scores, torch.tensor([1]))) == 2000
    assert SoftmaxCrossEntropy().backward(scores, torch.tensor([1])).tolist() == [[1, -1]]


def test_where_delta_is_actual_minus_target():
    """The notes' words hold where loss and activation fit, and not for squared error behind a sigmoid."""
    z, target = normal(5, 4), torch.rand(5, 4, dtype=torch.float64)
    a = torch.sigmoid(z)
    by_squares = HalfSquaredError()
    torch.testing.assert_close(
        linear().backward(z, by_squares.backward(z, target))[0], (z - target) / 5, rtol=0, atol=1e-15
    )
    of_entropy = (a - target) / (a * (1 - a)) / 5  # ∇_a of −t ln a − (1 − t) ln(1 − a)
    torch.testing.assert_close(sigmoid().backward(z, of_entropy)[0], (a - target) / 5, rtol=0, atol=1e-15)
    through_sigmoid = sigmoid().backward(z, by_squares.backward(a, target))[0]
    assert (through_sigmoid.abs() <= (a - target).abs() / 5 / 4).all()


@pytest.mark.parametrize("shape", [(1, 2), (1, 2, 1, 1)])
def test_one_number_per_feature_has_no_variance(shape):
    layer = BatchNorm(normal(2), normal(2))
    for ask in (
        lambda: layer.forward(normal(*shape)),
        lambda: layer.backward(normal(*shape), normal(*shape)),
    ):
        with pytest.raises(CnnlabError, match="needs at least two numbers per feature"):
            ask()
