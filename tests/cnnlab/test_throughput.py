"""The speed of a plain loop: how many steps are timed, and of which trials."""

import pytest
import torch
from module_clock import set_clock

from cnnlab import registry, resolve, throughput
from cnnlab.batching.on_device import Part
from cnnlab.engine.net import build
from cnnlab.fit import Row
from cnnlab.plain_loop import PlainLoop
from cnnlab.throughput import comparable, plain_images_per_s


def timed(monkeypatch, seconds):
    """Return the speed of steps of 50 images that take so many seconds each, and how many there were."""
    now, steps = [0.0], []

    def step(_):
        now[0] += seconds(len(steps))
        steps.append(1)

    monkeypatch.setattr(PlainLoop, "step", step)
    set_clock(monkeypatch, throughput, process_time=lambda: now[0])
    config = resolve({"model": "mlp", "data": "fashion-mnist-mini", "train": {"batch_size": 50}})
    scale = torch.full((1,), 1 / 255)
    part = Part(torch.zeros(60, 28, 28, 1, dtype=torch.uint8), torch.zeros(60).long(), scale, scale)
    return plain_images_per_s(Row(config, 1), build(config), part), len(steps)


def test_the_first_two_steps_are_not_timed(monkeypatch):
    speed, steps = timed(monkeypatch, lambda step: 0.1 if step < 2 else 1 / 64)
    assert speed == pytest.approx(50 * 64)
    assert steps == 2 + throughput.MIN_STEPS


def test_small_steps_are_many(monkeypatch):
    """Twenty steps of a small MLP are a few milliseconds, of which some may be another program's."""
    speed, steps = timed(monkeypatch, lambda step: 1 / 1024)
    assert speed == pytest.approx(50 * 1024)
    assert steps == 2 + throughput.MIN_SECONDS * 1024


@pytest.mark.parametrize(("seconds", "steps"), [(0.21, 5), (0.3, 4), (0.6, 2), (5.0, 2)])
def test_large_steps_are_few(monkeypatch, seconds, steps):
    """A measurement of a net whose step takes seconds would take longer than the rest of a small sweep."""
    speed, taken = timed(monkeypatch, lambda step: seconds)
    assert speed == pytest.approx(50 / seconds)
    assert taken == steps


@pytest.mark.parametrize("name", registry.names("optimizers"))
def test_speeds_are_compared_where_a_step_is_one_evaluation(name):
    """A search looks several times, and a matrix of all parameters costs what no batch does."""
    config = resolve({"model": "mlp", "data": "fashion-mnist-mini", "train": {"optimizer": name}})
    assert comparable(Row(config, 1)) == (name not in {"lbfgs", "newton", "adagrad-full"})
