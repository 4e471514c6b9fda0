"""Means of weights: their formula, what is measured and kept by them, and rows that have none."""

import packing
import pytest
import torch

from cnnlab import resolve
from cnnlab.errors import CnnlabError, ConfigError
from cnnlab.fit import Fit, Row


def path(array, steps):
    """The weights after each step, (steps, K, P)."""
    seen = []
    for step in range(steps):
        packing.train(array, 1, first=step)
        seen.append(array.theta.clone())
    return torch.stack(seen)


def means(theta, decay):
    """The weighted sums, by the factors themselves."""
    factors = decay ** torch.arange(len(theta) - 1, -1, -1, dtype=torch.float64)
    return (theta * (factors / factors.sum())[:, None]).sum(0)


def test_a_mean_is_the_sum_of_weights_that_fade():
    decays = [0.5, 0.0, 0.99, 0.999999]
    array = packing.make([packing.config(ema=decay) for decay in decays])
    for steps in (1, 8):
        array = packing.make([packing.config(ema=decay) for decay in decays])
        seen = path(array, steps)
        for k, decay in enumerate(decays):
            torch.testing.assert_close(array.evaluated[k], means(seen[:, k], decay), rtol=1e-9, atol=1e-11)
        assert torch.equal(array.evaluated[1], array.theta[1])


def test_training_does_not_change():
    without, beside = (packing.make([packing.config("mlp", "float32", ema=d)] * 2) for d in (0.0, 0.9))
    for array in (without, beside):
        packing.train(array, 4)
    assert torch.equal(without.theta, beside.theta)
    assert not torch.equal(beside.evaluated, beside.theta)


def test_means_are_predicted_with_and_a_row_without_one_by_its_weights():
    rows = [packing.config(precision="float32", ema=decay) for decay in (0.9, 0.0)]
    array, plain = packing.make(rows, [1, 2]), packing.make([rows[1], rows[1]], [1, 2])
    for each in (array, plain):
        packing.train(each, 4)
    x, y = packing.batch(array, 7)
    by_mean = array.at(array.evaluated, array.buffers)
    assert torch.equal(array.predict(x), by_mean.predict(x))
    assert torch.equal(array.evaluate(x, y).loss, by_mean.evaluate(x, y).loss)
    assert torch.equal(array.predict(x)[:, 1], plain.predict(x)[:, 1])
    assert not torch.equal(array.predict(x)[:, 0], array.at(array.theta, array.buffers).predict(x)[:, 0])


def test_rows_with_and_without_means_stay_what_they_are_alone():
    configs = [packing.config(ema=decay) for decay in (0.9, 0.0, 0.5)]
    packing.assert_packing_does_not_matter(configs)
    together = packing.make(configs, [1, 2, 3])
    packing.train(together, 5)
    for k, config in enumerate(configs):
        alone = packing.make([config], [k + 1])
        packing.train(alone, 5)
        torch.testing.assert_close(alone.evaluated[0], together.evaluated[k], rtol=0, atol=1e-10)


def test_a_row_of_nan_has_a_mean_of_nan_and_no_other_has():
    rows = [packing.config(precision="float32", ema=decay) for decay in (0.9, 0.9, 0.0)]
    array, undisturbed = packing.make(rows), packing.make(rows)
    array.theta[0] = float("nan")
    for each in (array, undisturbed):
        packing.train(each, 3)
    assert array.evaluated[0].isnan().all()
    assert torch.equal(array.evaluated[1:], undisturbed.evaluated[1:])


def test_kept_rows_keep_their_means():
    array = packing.make([packing.config(ema=decay) for decay in (0.9, 0.0, 0.5)])
    packing.train(array, 3)
    before = array.evaluated.clone()
    array.keep([2, 1])
    assert torch.equal(array.evaluated, before[[2, 1]])
    array.keep([1])
    assert array.average.tensors == []
    assert torch.equal(array.evaluated, array.theta)


def test_a_state_without_the_mean_that_a_row_needs_is_refused():
    array = packing.make([packing.config(ema=0.9)])
    tensors = {name: tensor[0] for name, tensor in array.state().items()}
    del tensors["average"]
    with pytest.raises(CnnlabError, match="a row's average must have shape"):
        array.load_row(0, tensors)


def fit_config(ema, **train):
    return resolve(
        {
            "model": {"name": "mlp", "hidden": [12], "norm": "batch", "norm_statistics": "population"},
            "data": "fashion-mnist-mini",
            "train": {"batch_size": 500, "epochs": 4, "ema": ema, "optimizer": "adam", **train},
        }
    )


def test_the_best_weights_are_means_and_so_is_what_they_were_chosen_by():
    """Statistics of the population, too, are those at the mean."""
    fit = Fit([Row(fit_config(0.9), 1), Row(fit_config(0.0), 1)])
    reports = [fit.run_epoch() for _ in range(3)]
    for row, (epoch, value, weights) in enumerate(fit.best()):
        assert reports[epoch - 1][row].metrics["val/acc"] == value
        if epoch == 3:
            named = fit.array.net.named(fit.array.evaluated[row], fit.array.buffers[row])
            assert all(torch.equal(weights[name], tensor) for name, tensor in named.items())
    first, second = fit._end.best.theta
    assert not torch.equal(first, second)
    images = fit.data.validation
    at_best = fit.array.at(fit._end.best.theta, fit._end.best.buffers)
    right = sum((at_best.predict(x).argmax(2) == y).sum(0) for x, y in images.chunks(2)) / len(images)
    assert right.tolist() == pytest.approx([value for _, value, _ in fit.best()])


def test_going_on_from_a_checkpoint_repeats_every_bit():
    """Beside a row without a mean, and alone; then in a fit whose other row has one."""
    own, other = fit_config(0.95), fit_config(0.0)
    straight = Fit([Row(other, 1), Row(own, 2)])
    for _ in range(2):
        straight.run_epoch()
    saved = [{n: tensor[k].clone() for n, tensor in straight.state().items()} for k in range(2)]
    resumed, turned = Fit([Row(other, 1), Row(own, 2)]), Fit([Row(other, 1), None])
    for row in (0, 1):
        resumed.load_row(row, saved[row], epoch=2)
    turned.load_row(0, saved[0], epoch=2)
    for _ in range(2):
        expected = straight.run_epoch()
        assert resumed.run_epoch() == expected
        assert turned.run_epoch() == expected[:1]
    assert all(torch.equal(resumed.state()[name], tensor) for name, tensor in straight.state().items())


def test_a_row_without_a_mean_is_measured_by_what_was_loaded_at_once():
    """Before its first step there, beside a row that has one."""
    plain, averaged = (
        packing.make([packing.config()]),
        packing.make([packing.config(ema=d) for d in (0.9, 0.0)]),
    )
    packing.train(plain, 2)
    averaged.load_row(1, {name: tensor[0] for name, tensor in plain.state().items()})
    assert torch.equal(averaged.evaluated[1], plain.theta[0])


@pytest.mark.parametrize("value", [1, 1.0, -0.1, float("nan"), "0.9", True])
def test_a_decay_is_below_1(value):
    with pytest.raises(ConfigError) as caught:
        packing.config(ema=value)
    assert caught.value.path == "train.ema"
    assert caught.value.message == f"must be a number from 0 to 0.999999, got {value!r}"
