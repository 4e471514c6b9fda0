"""Back-propagation by hand through whole nets: as loops, as autograd, as torch's SGD, as an array."""

from itertools import pairwise

import packing
import pytest
import torch
from torch import nn

from cnnlab.by_hand.activations import Softmax, linear, relu, sigmoid, squash, tangent_sigmoid
from cnnlab.by_hand.backprop import backward, forward, propagate, update
from cnnlab.by_hand.layers import BatchNorm, Dense, Flatten
from cnnlab.by_hand.losses import HalfSquaredError, SoftmaxCrossEntropy
from cnnlab.by_hand.maps import Convolution, max_pooling
from cnnlab.engine.array import Array
from cnnlab.engine.net import Net
from cnnlab.layers import activate, batch_norm, conv2d, flatten, max_pool2d
from cnnlab.layers import linear as linear_layer

IMAGES, RATE = 6, 0.1


class Rectifier(nn.Module):
    """ReLU with slope 1 at 0, as the catalog's."""

    def forward(self, x):
        return x.clamp(min=0)


def mlp():
    """Return a net by torch with weights of its own, and its batch."""
    torch.manual_seed(1)
    net = nn.Sequential(
        nn.Flatten(), nn.Linear(12, 7), nn.Sigmoid(), nn.Linear(7, 6), nn.Sigmoid(), nn.Linear(6, 10)
    )
    return net.double(), torch.randn(IMAGES, 1, 3, 4, dtype=torch.float64), torch.randint(10, (IMAGES,))


def lenet():
    """Return a small convolutional net by torch; its batch norms have scales and shifts that matter."""
    torch.manual_seed(2)
    net = nn.Sequential(
        nn.Conv2d(1, 3, 3, padding=1), nn.BatchNorm2d(3), Rectifier(), nn.MaxPool2d(2),
        nn.Conv2d(3, 4, 3, stride=2), nn.BatchNorm2d(4), Rectifier(), nn.Flatten(),
        nn.Linear(36, 8), nn.BatchNorm1d(8), Rectifier(), nn.Linear(8, 10),
    ).double()  # fmt: skip
    for layer in net:
        if isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d):
            nn.init.normal_(layer.weight, 1, 0.3)
            nn.init.normal_(layer.bias, 0, 0.3)
    return net, torch.randn(IMAGES, 1, 14, 14, dtype=torch.float64), torch.randint(10, (IMAGES,))


NETS = {"mlp": mlp, "lenet": lenet}


def by_hand(net):
    """Return the layers of a net by torch as layers by hand, with copies of its weights."""

    def own(layer):
        return layer.weight.detach().clone(), layer.bias.detach().clone()

    makers = {
        nn.Linear: lambda layer: Dense(*own(layer)),
        nn.Conv2d: lambda layer: Convolution(*own(layer), layer.stride[0], layer.padding[0]),
        nn.BatchNorm1d: lambda layer: BatchNorm(*own(layer)),
        nn.BatchNorm2d: lambda layer: BatchNorm(*own(layer)),
        nn.MaxPool2d: lambda layer: max_pooling(layer.kernel_size),
        nn.Flatten: lambda layer: Flatten(),
        nn.Sigmoid: lambda layer: sigmoid(),
        Rectifier: lambda layer: relu(),
    }
    return [makers[type(layer)](layer) for layer in net]


def as_array(net, shape):
    """Return an array of one row with the weights of a net by torch, trained by plain descent."""
    makers = {
        nn.Linear: lambda layer: linear_layer.Linear(layer.in_features, layer.out_features),
        nn.Conv2d: lambda layer: conv2d.Conv2d(
            layer.in_channels, layer.out_channels, 3, layer.padding, stride=layer.stride[0]
        ),
        nn.BatchNorm1d: lambda layer: batch_norm.BatchNorm(layer.num_features),
        nn.BatchNorm2d: lambda layer: batch_norm.BatchNorm(layer.num_features),
        nn.MaxPool2d: lambda layer: max_pool2d.MaxPool2d(layer.kernel_size),
        nn.Flatten: lambda layer: flatten.Flatten(),
        nn.Sigmoid: lambda layer: activate.Activate("sigmoid", "model.activation"),
        Rectifier: lambda layer: activate.Activate("relu", "model.activation"),
    }
    chain = {f"layer{i}": makers[type(layer)](layer) for i, layer in enumerate(net)}
    config = packing.config(hypers={"activation": "sigmoid"}, optimizer={"name": "sgd", "lr": RATE})
    array = Array(Net(chain, shape), [config], [1])
    array.theta = torch.cat([own.detach().flatten() for own in net.parameters()])[None].clone()
    return array


def flat(parts):
    """Return the numbers of all layers' gradients or parameters in one row."""
    return torch.cat([value.flatten() for own in parts for value in own.values()])


def weights(layers):
    """Return the parameters of layers by hand in one row."""
    return torch.cat(
        [
            part.flatten()
            for layer in layers
            if hasattr(layer, "weight")
            for part in (layer.weight, layer.bias)
        ]
    )


@pytest.mark.parametrize("name", NETS)
def test_gradients_are_autograds(name):
    net, x, target = NETS[name]()
    expected = nn.functional.cross_entropy(net(x), target)
    expected.backward()
    found = propagate(by_hand(net), SoftmaxCrossEntropy(), x, target)
    torch.testing.assert_close(found.loss, expected.detach(), rtol=0, atol=1e-12)
    slopes = torch.cat([own.grad.flatten() for own in net.parameters()])
    torch.testing.assert_close(flat(found.gradients), slopes, rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", NETS)
def test_every_delta_is_the_derivative_by_its_activation(name):
    net, x, target = NETS[name]()
    activations = [x.requires_grad_()]
    for layer in net:
        activations.append(layer(activations[-1]))
    slopes = torch.autograd.grad(nn.functional.cross_entropy(activations[-1], target), activations)
    found = propagate(by_hand(net), SoftmaxCrossEntropy(), x.detach(), target)
    assert len(found.deltas) == len(found.activations) == len(net) + 1
    for a, delta, expected, slope in zip(found.activations, found.deltas, activations, slopes, strict=True):
        torch.testing.assert_close(a, expected.detach(), rtol=0, atol=1e-12)
        torch.testing.assert_close(delta, slope, rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", NETS)
def test_the_loop_is_plain_descent_and_lowers_the_loss(name):
    net, x, target = NETS[name]()
    layers, optimizer = by_hand(net), torch.optim.SGD(net.parameters(), lr=RATE)
    losses = []
    for _ in range(5):
        found = propagate(layers, SoftmaxCrossEntropy(), x, target)
        losses.append(float(found.loss))
        layers = update(layers, found.gradients, RATE)
        optimizer.zero_grad()
        nn.functional.cross_entropy(net(x), target).backward()
        optimizer.step()
    assert all(later < earlier for earlier, later in pairwise(losses))
    expected = torch.cat([own.detach().flatten() for own in net.parameters()])
    torch.testing.assert_close(weights(layers), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", NETS)
def test_an_array_of_one_row_does_the_same(name):
    net, x, target = NETS[name]()
    layers, array = by_hand(net), as_array(net, tuple(x.shape[1:]))
    for _ in range(3):
        found = propagate(layers, SoftmaxCrossEntropy(), x, target)
        result = array.step(x[:, None], target[:, None])
        torch.testing.assert_close(found.loss, result.loss[0], rtol=0, atol=1e-12)
        layers = update(layers, found.gradients, RATE)
        torch.testing.assert_close(weights(layers), array.theta[0], rtol=0, atol=1e-12)


def test_an_update_leaves_what_it_was_given():
    net, x, target = mlp()
    layers = by_hand(net)
    before = weights(layers).clone()
    update(layers, propagate(layers, SoftmaxCrossEntropy(), x, target).gradients, RATE)
    assert torch.equal(weights(layers), before)


def test_the_four_equations_neuron_by_neuron():
    """BP1 to BP4 for one image and two layers of weights, each sum as it is printed."""
    net = [
        Dense(*_normal((3, 2), (3,), seed=1)),
        tangent_sigmoid(),
        Dense(*_normal((2, 3), (2,), seed=2)),
        squash(),
    ]
    x, target = _normal((1, 2), (1, 2), seed=3)
    found = propagate(net, HalfSquaredError(), x, target)
    _, z1, a1, z2, a2 = found.activations
    w2 = net[2].weight

    def slope(value, z, width=1e-6):
        return float(value.forward(z + width) - value.forward(z - width)) / (2 * width)

    delta2 = [float(a2[0, j] - target[0, j]) * slope(net[3], z2[0, j]) for j in range(2)]  # BP1
    delta1 = [
        sum(float(w2[j, k]) * delta2[j] for j in range(2)) * slope(net[1], z1[0, k]) for k in range(3)
    ]  # BP2
    close = {"rel": 0, "abs": 1e-9}
    assert found.deltas[3][0].tolist() == pytest.approx(delta2, **close)
    assert found.deltas[1][0].tolist() == pytest.approx(delta1, **close)
    for layer, inputs, delta in ((0, x, delta1), (2, a1, delta2)):
        gradients = found.gradients[layer]
        assert gradients["bias"].tolist() == pytest.approx(delta, **close)  # BP3
        for j, error in enumerate(delta):
            by_loops = [float(inputs[0, k]) * error for k in range(inputs.shape[1])]  # BP4
            assert gradients["weight"][j].tolist() == pytest.approx(by_loops, **close)


def test_a_batch_is_the_mean_of_its_images():
    net, x, target = mlp()
    layers = by_hand(net)
    whole = flat(propagate(layers, SoftmaxCrossEntropy(), x, target).gradients)
    alone = [
        flat(propagate(layers, SoftmaxCrossEntropy(), x[i : i + 1], target[i : i + 1]).gradients)
        for i in range(IMAGES)
    ]
    torch.testing.assert_close(whole, torch.stack(alone).mean(0), rtol=0, atol=1e-14)


def test_target_minus_actual_climbs():
    """The sign that the notes' words would give."""
    net, x, target = mlp()
    layers = by_hand(net)
    activations = forward(layers, x)
    loss = SoftmaxCrossEntropy()
    _, wrong = backward(layers, activations, -loss.backward(activations[-1], target))
    worse = forward(update(layers, wrong, RATE), x)[-1]
    assert loss.forward(worse, target) > loss.forward(activations[-1], target)


def test_any_layer_fits_any_loss():
    """Squared error of softmax's probabilities goes back through the Jacobian; of a linear output too."""
    for last in (Softmax(), linear()):
        layers = [Dense(*_normal((4, 3), (4,), seed=1)), last]
        x, target = _normal((5, 3), (5, 4), seed=2)
        weight = layers[0].weight.clone().requires_grad_()
        output = x @ weight.T + layers[0].bias
        output = torch.softmax(output, 1) if isinstance(last, Softmax) else output
        (expected,) = torch.autograd.grad((output - target).square().sum() / 10, weight)
        found = propagate(layers, HalfSquaredError(), x, target)
        torch.testing.assert_close(found.gradients[0]["weight"], expected, rtol=0, atol=1e-14)


def _normal(*shapes, seed):
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(shape, generator=generator, dtype=torch.float64) for shape in shapes]
