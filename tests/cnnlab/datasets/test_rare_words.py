"""The made documents: words as rare and as telling as documented, and AdaGrad's claim on them."""

from fractions import Fraction

import pytest
import torch

from cnnlab import resolve, rng
from cnnlab.datasets.rare_words import EMPTY, TRAIN, WORDS, RareWords, chances
from cnnlab.fit import Fit, Row

DATA = {"name": "rare-words"}

torch.set_num_threads(1)


@pytest.fixture
def images():
    return RareWords().load(DATA)


def chance(word, label):
    """Return the documented probability, exactly."""
    mean = min(Fraction(1, 2), Fraction(4, word + 1))
    if word < EMPTY:
        return mean
    return mean * Fraction(80, 17) if word % 10 == label else mean * Fraction(10, 17)


def test_chances_are_the_documented_ones():
    given = chances()
    for word in (0, 6, 7, 8, 99, 100, 107, 1999):
        for label in range(10):
            assert float(given[label, word]) == pytest.approx(float(chance(word, label)), rel=1e-14)
    assert sum(given.mean(0).tolist()) == pytest.approx(26, abs=0.5)
    assert sum(given.mean(0)[EMPTY:].tolist()) == pytest.approx(12, abs=0.5)
    assert float(given.mean(0)[WORDS // 2]) == pytest.approx(1 / 250, rel=0.01)


@pytest.mark.parametrize("number", [0, 7, 501, TRAIN - 1, TRAIN, TRAIN + 999])
def test_a_document_is_what_the_documentation_says(images, number):
    x = images.train_x[number] if number < TRAIN else images.test_x[number - TRAIN]
    seed, step = (torch.tensor([v], dtype=torch.int32) for v in (rng.fold(*b"rare-words"), number))
    hashes = rng.bits(seed, 0, step, WORDS)[0].tolist()
    limits = [int(chance(word, number % 10) * 2**32) - 2**31 for word in range(WORDS)]
    assert x.flatten().tolist() == [255 * (h < limit) for h, limit in zip(hashes, limits, strict=True)]


def test_words_come_as_often_as_they_should(images):
    there = images.train_x[:, 0, 0] > 0
    for label in range(10):
        own = there[images.train_y == label].double()
        expected = chances()[label] * len(own)
        deviation = (expected * (1 - chances()[label])).sqrt()
        off = (own.sum(0) - expected) / deviation
        assert off.abs().max() < 6
        assert float(off.std()) == pytest.approx(1, abs=0.1)


def test_what_is_missing_is_nothing_and_has_no_gradient(images):
    """Centred, a missing word would be a number like any other, and every weight would move at every step."""
    info = RareWords().info(DATA)
    assert not info.centred
    fit = Fit([Row(resolve({"model": {"name": "mlp", "hidden": []}, "data": "rare-words"}), seed=0)])
    x, y = fit.data.train.batch(slice(0, 128), 1)
    assert set(x.unique().tolist()) == {0.0, 1.0}
    before = fit.array.theta.clone()
    fit.array.step(x, y)
    moved = (fit.array.theta - before)[0, : 10 * WORDS].view(10, WORDS) != 0
    absent = (x == 0).all(0).flatten()
    assert absent.double().mean() > 0.4
    assert not moved[:, absent].any()
    assert moved[:, ~absent].double().mean() > 0.99


def test_rare_words_tell_the_class_and_frequent_ones_nothing(images):
    """Judged by the chances that made the documents, which no training beats."""
    x, y = images.test_x[:, 0, 0] > 0, images.test_y
    log, other = chances().log(), (1 - chances()).log()  # (10, 2000)

    def scores(words):
        return x[:, words].double() @ (log - other)[:, words].T + other[:, words].sum(1)

    def accuracy(words):
        return float((scores(words).argmax(1) == y).double().mean())

    frequent = scores(slice(0, EMPTY))
    assert (frequent.amax(1) - frequent.amin(1)).max() < 1e-9
    assert accuracy(slice(EMPTY, WORDS)) > 0.85
    assert accuracy(slice(WORDS // 2, WORDS)) > 0.5


def test_adagrad_is_faster_where_inputs_are_sparse():
    """Softmax regression, one epoch, each rule at the best of its rates: lower loss, more documents right.

    Both grids have their best rate inside.
    """

    def best(name, rates, seeds=3):
        model = {"name": "mlp", "hidden": []}
        rows = [
            Row(resolve({"model": model, "data": "rare-words", "train": {"optimizer": optimizer}}), seed=seed)
            for optimizer in ({"name": name, "lr": rate} for rate in rates)
            for seed in range(seeds)
        ]
        reports = Fit(rows).run_epoch()
        loss, right = (
            torch.tensor([report.metrics[name] for report in reports]).view(-1, seeds).mean(1)
            for name in ("val/loss", "val/acc")
        )
        assert 0 < int(loss.argmin()) < len(rates) - 1
        return float(loss.min()), float(right.max())

    sgd_loss, sgd_right = best("sgd", (0.3, 1, 3, 10, 30))
    loss, right = best("adagrad", (0.03, 0.1, 0.3, 1))
    assert loss < 0.7 * sgd_loss
    assert right > sgd_right + 0.08
