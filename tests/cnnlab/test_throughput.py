"""The speed of one trial alone is that of its own steps."""

import pytest

from cnnlab import registry, resolve
from cnnlab.engine.array import Array
from cnnlab.fit import Row
from cnnlab.throughput import comparable, solo_images_per_s


def test_it_counts_the_images_of_the_timed_steps(monkeypatch):
    sizes, clock = [], iter([100.0, 102.0])
    honest = Array.step

    def step(self, x, y):
        sizes.append((len(x), len(self)))
        return honest(self, x, y)

    monkeypatch.setattr(Array, "step", step)
    monkeypatch.setattr("cnnlab.throughput.time.process_time", lambda: next(clock))
    row = Row(resolve({"model": "mlp", "data": "fashion-mnist-mini", "train": {"batch_size": 50}}), seed=1)
    assert solo_images_per_s(row, steps=4) == 4 * 50 / 2.0
    assert sizes == [(50, 1)] * 6


@pytest.mark.parametrize("name", registry.names("optimizers"))
def test_speeds_are_compared_where_a_step_is_one_evaluation(name):
    """A search looks several times, and a matrix of all parameters costs what no batch does."""
    config = resolve({"model": "mlp", "data": "fashion-mnist-mini", "train": {"optimizer": name}})
    assert comparable(Row(config, 1)) == (name not in {"lbfgs", "newton", "adagrad-full"})
