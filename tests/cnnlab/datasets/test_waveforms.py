"""The made signals: each step as documented, and shapes that only a net sees which looks for them."""

import pytest
import torch

from cnnlab import resolve, rng
from cnnlab.datasets import waveforms
from cnnlab.datasets.waveforms import STEPS, TEST, TRAIN, Waveforms
from cnnlab.fit import Fit, Row

DATA = {"name": "waveforms"}

torch.set_num_threads(1)


@pytest.fixture
def images():
    return Waveforms().load(DATA)


@pytest.mark.parametrize("number", [*range(12), TRAIN - 1, TRAIN, TRAIN + TEST - 1])
def test_a_signal_is_what_the_documentation_says(images, number):
    """Every step again with Python's own numbers, from the hashes on."""
    part, place = (images.train_x, number) if number < TRAIN else (images.test_x, number - TRAIN)
    seed, step = (torch.tensor([v], dtype=torch.int32) for v in (rng.fold(*b"waveforms"), number))
    lasts, begins, turns, phase, loud = rng.uniform(seed, 0, step, 5)[0].tolist()
    length = 64 + int(33 * lasts)
    start = int((129 - length) * begins)
    expected = []
    for t, word in enumerate(rng.bits(seed, 1, step, STEPS)[0].tolist()):
        s = (t - start + 0.5) / length
        when = {3: (s + s * s) / 2, 4: (3 * s - s * s) / 2}.get(number % 6, s)
        place_in_period = (phase + (5 + 5 * turns) * when) % 1
        half = 2 * place_in_period % 1
        up = 1 if place_in_period < 0.5 else -1
        sine = up * 16 * half * (1 - half) / (5 - 4 * half * (1 - half))
        wave = {1: up, 2: 2 * place_in_period - 1, 5: sine * (4 * s * (1 - s)) ** 2}.get(number % 6, sine)
        signal = (40 + 60 * loud) * wave if start <= t < start + length else 0
        hiss = sum(word.to_bytes(4, "little", signed=True)) - 510
        expected.append(min(max(128 + signal + 20 * hiss / 147.8, 0), 255))
    given = part[place, 0, 0].double()
    assert (given - torch.tensor(expected, dtype=torch.float64)).abs().max() < 0.5 + 1e-6


def test_signals_lie_anywhere_and_noise_everywhere(images):
    x = images.train_x[:, 0, 0].double() - 128
    assert x.mean(0).abs().max() < 3, "no step tells anything by its mean"
    strength = x.square().mean(0)
    assert 20**2 < strength[:4].mean() < strength[60:68].mean() / 2, "silence before, signals in the middle"


def test_the_sine_is_one():
    place = torch.arange(0, 1, 1 / 1024, dtype=torch.float64)
    error = waveforms._sine(place) - (2 * torch.pi * place).sin()
    assert error.abs().max() < 0.0017


def test_the_noise_is_normal_enough():
    sample = waveforms._normal(0, 1000)
    assert sample.mean().abs() < 0.01
    assert float(sample.std()) == pytest.approx(1, abs=0.01)
    assert float((sample.abs() < 1).double().mean()) == pytest.approx(0.6827, abs=0.02)


def test_a_net_that_looks_for_shapes_does_better():
    """Two epochs: weights for each step stay near guessing, 1/6, and shared filters do not."""

    def accuracies(model, lr):
        config = resolve(
            {"model": model, "data": "waveforms", "train": {"optimizer": {"name": "adam", "lr": lr}}}
        )
        fit = Fit([Row(config, seed=seed) for seed in range(2)])
        return [[row.metrics["val/acc"] for row in fit.run_epoch()] for _ in range(2)][-1]

    softmax = max(max(accuracies({"name": "mlp", "hidden": []}, lr)) for lr in (0.001, 0.01))
    assert softmax < 0.25
    assert min(accuracies("tdnn", 0.01)) > softmax + 0.3
