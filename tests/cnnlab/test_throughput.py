"""The speed of a plain loop is that of torch alone."""

import pytest
import torch
from module_clock import set_clock

from cnnlab import registry, resolve, throughput
from cnnlab.engine.row_block import RowBlock
from cnnlab.fit import Row
from cnnlab.kernels import library
from cnnlab.throughput import comparable, plain_images_per_s


def test_it_counts_the_images_of_the_timed_steps(monkeypatch):
    seen, clock = [], iter([100.0, 102.0])
    honest = RowBlock.forward

    def forward(self, parameters, buffers, x, y, first):
        seen.append((len(x), len(y[0]), library.in_use(torch.float32)))
        return honest(self, parameters, buffers, x, y, first)

    monkeypatch.setattr(RowBlock, "forward", forward)
    set_clock(monkeypatch, throughput, process_time=lambda: next(clock))
    row = Row(resolve({"model": "mlp", "data": "fashion-mnist-mini", "train": {"batch_size": 50}}), seed=1)
    assert plain_images_per_s(row, steps=4) == 4 * 50 / 2.0
    assert seen == [(50, 1, False)] * 6


def test_it_trains_as_a_loop_of_torch_does(monkeypatch):
    """Every parameter gets its gradient, and no compiled operation serves."""
    steps = []
    honest = torch.optim.SGD.step
    monkeypatch.setattr(
        torch.optim.SGD,
        "step",
        lambda own: (steps.append([p.grad is not None for p in own.param_groups[0]["params"]]), honest(own)),
    )
    plain_images_per_s(Row(resolve({"model": "lenet5", "data": "fashion-mnist-mini"}), seed=1), steps=1)
    assert steps
    assert all(len(each) == 10 and all(each) for each in steps)


@pytest.mark.parametrize("name", registry.names("optimizers"))
def test_speeds_are_compared_where_a_step_is_one_evaluation(name):
    """A search looks several times, and a matrix of all parameters costs what no batch does."""
    config = resolve({"model": "mlp", "data": "fashion-mnist-mini", "train": {"optimizer": name}})
    assert comparable(Row(config, 1)) == (name not in {"lbfgs", "newton", "adagrad-full"})


def test_nothing_diverges_while_it_is_timed(monkeypatch):
    """Numbers that are not finite, or subnormal, take another time."""
    seen = []
    honest = torch.optim.SGD.step

    def step(own):
        honest(own)
        seen.append(torch.cat([p.detach().flatten() for p in own.param_groups[0]["params"]]))

    monkeypatch.setattr(torch.optim.SGD, "step", step)
    plain_images_per_s(Row(resolve({"model": "mlp", "data": "fashion-mnist-mini"}), seed=1), steps=2)
    assert len(seen) > 1
    assert all(torch.equal(each, seen[0]) for each in seen)
