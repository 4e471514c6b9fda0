"""Rows that pass through a net one after the other: the bits each has alone, the numbers of an array."""

import packing
import pytest
import torch
from loaded_plugins import plugins_from
from own_nets import ZOO

from cnnlab import resolve
from cnnlab.engine import row_by_row
from cnnlab.engine.net import build

honest = row_by_row.pays


@pytest.fixture(autouse=True)
def one_after_the_other(monkeypatch):
    """Let every net's rows pass alone; what is chosen for it is tested by the honest function."""
    monkeypatch.setattr(row_by_row, "pays", lambda *_: True)


def rows(model="lenet5", precision="float32", **hypers):
    return [
        packing.config(model, precision, {"dropout": rate, **hypers}, optimizer=rule, loss=loss, l2=1e-3)
        for rule, loss, rate in (("adam", "softmax", 0.3), ("sgd", "svm", 0.0), ("momentum", "svm", 0.5))
    ]


@pytest.mark.parametrize("model", ["lenet5", "mlp", "maxout-conv"])
def test_a_row_has_the_bits_that_it_has_alone_beside_any_others(model):
    configs, seeds = rows(model), [1, 2, 3]
    together = packing.make(configs, seeds, ("acc",))
    losses = packing.train(together, 2)
    for row, (config, seed) in enumerate(zip(configs, seeds, strict=True)):
        alone = packing.make([config], [seed], ("acc",))
        assert torch.equal(packing.train(alone, 2)[:, 0], losses[:, row])
        assert torch.equal(alone.theta[0], together.theta[row])
        here, there = (array.evaluate(*packing.batch(array, 9)) for array in (alone, together))
        assert here.loss[0] == there.loss[row]
        assert here.measured["acc"][0] == there.measured["acc"][row]
    assert len(losses[0].unique()) == 3


def test_a_batch_of_its_own_gives_the_bits_of_a_shared_one():
    shared, own = (packing.make(rows(), [1, 2, 3]) for _ in range(2))
    x, y = packing.batch(shared, 0)
    inner = x.permute(0, 3, 4, 1, 2).contiguous().permute(0, 3, 4, 1, 2)  # as mixed batches are laid out
    assert inner.stride(1) == 1
    assert torch.equal(shared.step(x, y).loss, own.step(inner, y).loss)
    assert torch.equal(shared.theta, own.theta)


def test_a_row_of_nan_is_nan_alone():
    first, second = (packing.make(rows(), [1, 2, 3]) for _ in range(2))
    second.theta[1] = float("nan")
    for array in (first, second):
        packing.train(array, 2)
    assert torch.equal(first.theta[[0, 2]], second.theta[[0, 2]])
    assert second.theta[1].isnan().any()


@pytest.mark.parametrize("statistics", ["ema", "population"])
def test_it_is_what_rows_side_by_side_compute(statistics, monkeypatch):
    configs = rows(precision="float64", norm="batch", norm_statistics=statistics)
    found = {}
    for way in (True, False):
        monkeypatch.setattr(row_by_row, "pays", lambda *_, way=way: way)
        array = packing.make(configs)
        assert array.one_by_one is way
        packing.train(array, 3)
        array.add_to_population(packing.batch(array, 4)[0])
        found[way] = array.theta, array.buffers, array.predict(packing.batch(array, 5)[0])
    for alone, together in zip(found[True], found[False], strict=True):
        torch.testing.assert_close(alone, together, rtol=0, atol=1e-10)


def test_methods_that_need_second_derivatives_get_them(monkeypatch):
    own = {"precision": "float64", "batch_size": "full", "hypers": {"hidden": [3]}, "l2": 1e-2}
    names = ("sgd", "newton", "newton", "lbfgs")
    configs = [
        packing.config(optimizer={"name": name, **packing.CALM.get(name, {})}, **own) for name in names
    ]
    thetas = []
    for way in (True, False):
        monkeypatch.setattr(row_by_row, "pays", lambda *_, way=way: way)
        array = packing.make(configs, [1, 2, 3, 4])
        packing.train(array, 1, same=True)
        thetas.append(array.theta)
    torch.testing.assert_close(*thetas, rtol=0, atol=1e-9)


def test_kept_rows_go_on_alone():
    whole, kept = (packing.make(rows(), [1, 2, 3]) for _ in range(2))
    for array in (whole, kept):
        packing.train(array, 1)
    kept.keep([2, 0])
    packing.train(whole, 2, first=1)
    packing.train(kept, 2, first=1)
    assert torch.equal(kept.theta, whole.theta[[2, 0]])


def test_it_is_chosen_where_filter_banks_are_wide_or_parameters_many():
    def chosen(model, data, batch, device="cpu"):
        return honest(build(resolve({"model": model, "data": data})), batch, torch.device(device))

    resnet = {"name": "cifar-resnet", "depth": 20}
    assert chosen(resnet, "cifar10", 128)
    assert chosen(resnet, "cifar10", "full")
    assert chosen({"name": "mlp", "hidden": [1024, 1024]}, "mnist", 4)
    assert not chosen({"name": "mlp", "hidden": [1024, 1024]}, "mnist", 4, "meta")
    assert not chosen(resnet, "cifar10", 1)
    assert not chosen(resnet, "cifar10", 128, "meta")
    assert not chosen("lenet5", "mnist", 128)
    assert not chosen("lenet5", "mnist", "full")
    assert not chosen({"name": "mlp", "hidden": [128, 64]}, "mnist", "full")


def test_it_is_chosen_where_activations_of_rows_under_vmap_are_large():
    with plugins_from(ZOO):

        def chosen(model, batch, device="cpu"):
            net = build(resolve({"model": model, "data": "mnist"}))
            return honest(net, batch, torch.device(device))

        assert chosen("small-densenet", 64)
        assert chosen("small-lenet", "full")
        assert not chosen("small-densenet", 16)
        assert not chosen("small-densenet", 64, "meta")
        assert not chosen("small-lenet", 64)
