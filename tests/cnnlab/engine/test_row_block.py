"""A pass of neighbouring rows: the gradient that it writes, and whose rows it is about."""

import sys

import packing
import pytest
import torch

from cnnlab.engine import row_by_row
from cnnlab.layer import Mode


def array(names=("softmax", "svm", "softmax"), model="lenet5", **hypers):
    return packing.make([packing.config(model, "float32", hypers, loss=name) for name in names])


@pytest.mark.parametrize("model", ["mlp", "lenet5", "cifar-resnet"])
def test_the_gradient_is_that_of_the_net_to_the_last_bit(model, monkeypatch):
    monkeypatch.setattr(row_by_row, "pays", lambda *_: False)
    own = array(model=model)
    x, y = packing.batch(own, 0)
    theta = own.theta.clone().requires_grad_()
    losses = own.loss(own.net.forward(theta, own.buffers.clone(), x, own.context(Mode.TRAIN)), y)
    (expected,) = torch.autograd.grad(losses.sum(), theta)
    passed, gradient = own._pass(own.theta, x, y, 0)
    assert torch.equal(gradient, expected)
    assert torch.equal(passed.result.loss, losses)
    assert torch.equal(passed.total, losses)
    assert not passed.total.requires_grad


def test_rows_one_after_the_other_have_their_own_losses_and_places(monkeypatch):
    monkeypatch.setattr(row_by_row, "pays", lambda *_: True)
    own = array()
    x, y = packing.batch(own, 0)
    passed, gradient = own._pass(own.theta, x, y, 0)
    for row in range(3):
        alone = packing.make([own.configs[row]], [10 + row])
        found, slope = alone._pass(alone.theta, x[:, :1], y[:, :1], 0)
        assert passed.result.loss[row] == found.result.loss[0]
        assert torch.equal(gradient[row], slope[0])


def test_auxiliary_scores_are_in_the_total_alone():
    own = packing.make([packing.config(precision="float32")] * 2)
    x, y = packing.batch(own, 0)
    honest = own.net.apply

    def with_aside(parameters, buffers, images, context):
        scores = honest(parameters, buffers, images, context)
        context.auxiliary.append((torch.tensor([0.0, 0.5]), 2 * scores))
        return scores

    own.net.apply = with_aside
    passed, _ = own._pass(own.theta, x, y, 0)
    assert passed.total[0] == passed.result.loss[0]
    assert passed.total[1] > passed.result.loss[1]


def test_a_step_imports_no_symbolic_shapes(monkeypatch):
    """They import sympy, which would delay the first epoch of every process by a third of a second."""
    monkeypatch.setitem(sys.modules, "torch.fx.experimental.symbolic_shapes", None)
    own = array()
    own.step(*packing.batch(own, 0))
