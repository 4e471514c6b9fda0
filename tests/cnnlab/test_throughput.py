"""The speed of a plain loop is that of torch alone."""

import sys

import pytest
import torch
from module_clock import set_clock

from cnnlab import registry, resolve, throughput
from cnnlab.engine.row_block import RowBlock
from cnnlab.fit import Row
from cnnlab.kernels import library
from cnnlab.throughput import comparable, plain_images_per_s


def test_it_counts_the_images_of_the_timed_steps(monkeypatch):
    seen, clock = [], iter([0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 2.2])
    honest = RowBlock.forward

    def forward(self, parameters, buffers, x, y, first):
        seen.append((len(x), len(y[0]), library.takes(x)))
        return honest(self, parameters, buffers, x, y, first)

    monkeypatch.setattr(RowBlock, "forward", forward)
    set_clock(monkeypatch, throughput, process_time=lambda: next(clock))
    row = Row(resolve({"model": "mlp", "data": "fashion-mnist-mini", "train": {"batch_size": 50}}), seed=1)
    assert plain_images_per_s(row, steps=4) == pytest.approx(4 * 50 / 2.0)
    assert seen == [(50, 1, False)] * 6


def test_large_steps_are_few(monkeypatch):
    """A measurement of a net whose step takes seconds would take longer than the rest of a small sweep."""
    seen, clock = [], iter([0.0, 0.4, 0.5, 0.9, 1.3, 1.4])
    honest = RowBlock.forward

    def forward(self, *rest):
        seen.append(1)
        return honest(self, *rest)

    monkeypatch.setattr(RowBlock, "forward", forward)
    set_clock(monkeypatch, throughput, process_time=lambda: next(clock))
    row = Row(resolve({"model": "mlp", "data": "fashion-mnist-mini", "train": {"batch_size": 50}}), seed=1)
    assert plain_images_per_s(row, steps=20) == pytest.approx(2 * 50 / 0.9)
    assert len(seen) == 3  # one before the clock starts


def test_every_parameter_gets_its_gradient_without_a_compiler_of_graphs(monkeypatch):
    passed, differentiated = [], []
    honest, grad = RowBlock.forward, torch.autograd.grad

    def forward(self, parameters, *rest):
        passed.append(parameters)
        return honest(self, parameters, *rest)

    def differentiate(total, parameters):
        differentiated.append(parameters)
        return grad(total, parameters)

    monkeypatch.setattr(RowBlock, "forward", forward)
    monkeypatch.setattr(torch.autograd, "grad", differentiate)
    monkeypatch.setitem(sys.modules, "torch._dynamo", None)  # to import it takes longer than to measure
    plain_images_per_s(Row(resolve({"model": "lenet5", "data": "fashion-mnist-mini"}), seed=1), steps=1)
    assert len(passed[-1]) == 10
    assert differentiated == passed


@pytest.mark.parametrize("name", registry.names("optimizers"))
def test_speeds_are_compared_where_a_step_is_one_evaluation(name):
    """A search looks several times, and a matrix of all parameters costs what no batch does."""
    config = resolve({"model": "mlp", "data": "fashion-mnist-mini", "train": {"optimizer": name}})
    assert comparable(Row(config, 1)) == (name not in {"lbfgs", "newton", "adagrad-full"})


def test_nothing_diverges_while_it_is_timed(monkeypatch):
    """Numbers that are not finite, or subnormal, take another time."""
    seen = []
    honest = RowBlock.forward

    def forward(self, parameters, *rest):
        seen.append(torch.cat([own.detach().flatten() for own in parameters]))
        return honest(self, parameters, *rest)

    monkeypatch.setattr(RowBlock, "forward", forward)
    plain_images_per_s(Row(resolve({"model": "mlp", "data": "fashion-mnist-mini"}), seed=1), steps=2)
    assert len(seen) > 1
    assert all(torch.equal(each, seen[0]) for each in seen)
