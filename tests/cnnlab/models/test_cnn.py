"""The net by numbers: its counts, its twin in plain torch, and the numbers that do not fit."""

import math
from itertools import pairwise

import packing
import pytest
import torch
from compiled_library import needs_kernels
from torch import nn

from cnnlab import registry, resolve
from cnnlab.config import is_row, row_numbers, shape_key
from cnnlab.engine.array import Array
from cnnlab.engine.cost import inspect
from cnnlab.engine.net import Net
from cnnlab.errors import ConfigError
from cnnlab.kernels import library
from cnnlab.layers.conv_max import ConvMax

IMAGES, STEPS = 6, 20


def section(**hypers):
    return registry.resolve("models", {"name": "cnn", **hypers}, "model")


def net(shape=(1, 28, 28), classes=10, **hypers):
    return Net(registry.get("models", "cnn")().layers(section(**hypers), shape, classes), shape)


def plain(shape, classes, c):
    """The same net of torch's own modules, pooling behind the activation, from a complete section."""
    act = {"relu": nn.ReLU, "sigmoid": nn.Sigmoid}[c["activation"]["name"]]
    maps, modules, at = shape[0], [], torch.zeros(2, *shape)
    for filters in c["filters"]:
        for i in range(c["convolutions"]):
            padding = c["kernel"] // 2 if c["padding"] == "same" else 0
            stride = c["stride"] if i == 0 else 1
            modules.append(nn.Conv2d(maps, filters, c["kernel"], stride, padding, bias=c["norm"] != "batch"))
            modules += [nn.BatchNorm2d(filters)] if c["norm"] == "batch" else []
            modules.append(act())
            modules += [nn.LocalResponseNorm(5, 5e-4, 0.75, 2.0)] if c["norm"] == "local-response" else []
            maps = filters
        pools = {"max": nn.MaxPool2d, "average": nn.AvgPool2d}
        modules += [pools[c["pooling"]](c["pool"])] if c["pooling"] != "none" else []
    modules += [nn.AdaptiveAvgPool2d(1)] if c["global_pooling"] == "average" else []
    modules.append(nn.Flatten())
    widths = [nn.Sequential(*modules)(at).shape[1], *c["hidden"]]
    for before, units in pairwise(widths):
        modules.append(nn.Linear(before, units, bias=c["norm"] != "batch"))
        modules += [nn.BatchNorm1d(units)] if c["norm"] == "batch" else []
        modules.append(act())
    return nn.Sequential(*modules, nn.Linear(widths[-1], classes)).double()


TWINS = {  # by what is special about each
    "default": ((1, 12, 12), {"filters": [3, 4], "hidden": [5]}),
    "lenet-like": ((1, 14, 13), {"filters": [4, 6], "kernel": 5, "hidden": [7, 6]}),
    "valid": ((3, 15, 16), {"filters": [3, 5], "padding": "valid", "hidden": []}),
    "sigmoid": ((2, 9, 8), {"filters": [3], "activation": "sigmoid", "hidden": 4}),
    "average": ((1, 9, 9), {"filters": [3, 4], "pooling": "average", "hidden": 4}),
    "strides": ((1, 13, 12), {"filters": [3, 4, 5], "pooling": "none", "stride": 2, "hidden": []}),
    "norm": ((1, 10, 10), {"filters": [3, 4], "norm": "batch", "hidden": [5]}),
    "local": ((1, 8, 8), {"filters": [3, 6], "norm": "local-response", "hidden": 4}),
    "two": ((3, 12, 12), {"filters": [3, 4], "convolutions": 2, "pool": 3, "global_pooling": "average"}),
}


@pytest.mark.parametrize("twin", TWINS)
def test_it_equals_plain_torch_after_twenty_steps(twin):
    shape, hypers = TWINS[twin]
    own = net(shape, 4, **hypers)
    config = resolve(
        {
            "model": section(**hypers),
            "data": "mnist",
            "train": {"precision": "float64", "optimizer": {"name": "sgd", "lr": 0.02}},
        }
    )
    array = Array(own, [config] * 2, [1, 2])
    other = plain(shape, 4, config["model"])
    start = array.theta[1].clone()
    torch.nn.utils.vector_to_parameters(start.clone(), other.parameters())
    optimizer = torch.optim.SGD(other.parameters(), lr=0.02)
    generator = torch.Generator().manual_seed(1)
    for _ in range(STEPS):
        x = torch.randn(IMAGES, *shape, generator=generator, dtype=torch.float64)
        y = torch.randint(4, (IMAGES,), generator=generator)
        array.step(x[:, None].expand(-1, 2, *shape), y[:, None].expand(-1, 2))
        optimizer.zero_grad()
        nn.functional.cross_entropy(other(x), y).backward()
        optimizer.step()
    found = torch.nn.utils.parameters_to_vector(other.parameters())
    torch.testing.assert_close(array.theta[1], found, rtol=0, atol=1e-10)
    assert (array.theta[1] - start).abs().max() > 1e-3


def test_parameters_by_formula():
    """784 pixels become 14×14 and 7×7 ones of 16 and 32 maps."""
    assert net().parameters == (9 + 1) * 16 + (9 * 16 + 1) * 32 + (49 * 32 + 1) * 128 + 129 * 10
    assert net(hidden="none", pooling="none").parameters == 160 + 145 * 32 + (784 * 32 + 1) * 10
    lenet = {"filters": [6, 16], "kernel": 5, "padding": "valid", "hidden": [120, 84]}
    assert net((1, 32, 32), **lenet).parameters == 61_706, "LeNet-5"
    assert net(global_pooling="average", hidden=[]).parameters == 160 + 145 * 32 + 33 * 10
    assert net(convolutions=2, hidden=[]).parameters == 160 + 145 * 16 + 145 * 32 + 289 * 32 + 1569 * 10
    bias, scale = 16 + 32 + 128, 2 * (16 + 32 + 128)
    assert net(norm="batch").parameters == net().parameters - bias + scale
    assert net(norm="local-response").parameters == net().parameters


@pytest.mark.parametrize(
    ("hypers", "filters"),
    [
        ({"filters": 16, "blocks": 3, "growth": 2}, [16, 32, 64]),
        ({"filters": [16, 20], "blocks": 4, "growth": 0.5}, [16, 20, 10, 5]),
        ({"filters": 5, "blocks": 3, "growth": 1.5}, [5, 8, 11]),
        ({"filters": [4, 6], "blocks": 2}, [4, 6]),
        ({"filters": "4-6"}, [4, 6]),
    ],
)
def test_blocks_beyond_the_list_grow(hypers, filters):
    assert shape_of(pool=1, **hypers) == filters


def shape_of(**hypers):
    return [own.shape[0] for own in net(**hypers).table if len(own.shape) == 4]


@pytest.mark.parametrize(
    ("hypers", "path", "words"),
    [
        ({"filters": []}, "filters", "must be 1 to 16 widths"),
        ({"filters": [8, -1]}, "filters.1", "must be an integer from 1 to 65536, got -1"),
        ({"filters": [8, 2.5]}, "filters.1", "got 2.5"),
        ({"filters": [[8]]}, "filters.0", "must be an integer from 1 to 65536, got [8]"),
        ({"filters": [1] * 17}, "filters", "must be 1 to 16 widths"),
        ({"filters": [8, 9], "blocks": 1}, "blocks", "must be 0 or at least 2, the blocks that"),
        ({"blocks": 17}, "blocks", "must be an integer from 0 to 16, got 17"),
        ({"blocks": 16, "growth": 10}, "growth", "block 6 would have 320000"),
        ({"filters": 1, "blocks": 3, "growth": 0.1}, "growth", "block 2 would have 0.1"),
        ({"growth": "fast"}, "growth", "must be a number from 0.1 to 10, got 'fast'"),
        ({"kernel": 4}, "kernel", "must be odd where model.padding is same, got 4"),
        ({"kernel": 0}, "kernel", "must be an integer from 1 to 31, got 0"),
        (
            {"kernel": 11, "padding": "valid"},
            "kernel",
            "must be at most 9 in convolution 1 of block 2, where maps are 9×9; got 11",
        ),
        (
            {"filters": 4, "blocks": 6},
            "pool",
            "at most 1 in the pooling of block 5, where maps are 1×1; got 2",
        ),
        ({"convolutions": 0}, "convolutions", "must be an integer from 1 to 8"),
        ({"stride": 0}, "stride", "must be an integer from 1 to 8"),
        ({"pool": 17}, "pool", "must be an integer from 1 to 16"),
        ({"pooling": "sum"}, "pooling", "must be one of max, average, none, got 'sum'"),
        ({"padding": 1}, "padding", "must be one of same, valid, got 1"),
        ({"norm": "layer"}, "norm", "must be one of none, batch, local-response"),
        ({"global_pooling": "max"}, "global_pooling", "must be one of none, average"),
        ({"hidden": [0]}, "hidden.0", "must be an integer from 1 to 65536, got 0"),
        ({"hidden": True}, "hidden", "must be none or at most 16 widths"),
        ({"block_dropout": 1.5}, "block_dropout", "must be a number from 0 to 1, got 1.5"),
        ({"block_dropout": "0.2-0.3"}, "block_dropout", "must be a number from 0 to 1, got '0.2-0.3'"),
        ({"block_dropout": None}, "block_dropout", "must be a number from 0 to 1, got None"),
        ({"block_dropout": []}, "block_dropout", "must be a number or a list of 1 to 16, got []"),
        ({"block_dropout": [0.1] * 17}, "block_dropout", "must be a number or a list of 1 to 16, got"),
        ({"block_dropout": [0.2, 1.5]}, "block_dropout.1", "must be a number from 0 to 1, got 1.5"),
        ({"block_dropout": [0.2, True]}, "block_dropout.1", "must be a number from 0 to 1, got True"),
        (
            {"block_dropout": [0.2, 0.3, 0.4]},
            "block_dropout",
            "must be one rate, or a list with one for each of the 2 blocks; got 3: [0.2, 0.3, 0.4]",
        ),
        ({"block_dropout": [0.2, 0.3], "filters": 4, "blocks": 3}, "block_dropout", "of the 3 blocks; got 2"),
    ],
)
def test_what_does_not_fit_is_refused_at_its_number(hypers, path, words):
    with pytest.raises(ConfigError) as caught:
        net(**hypers)
    assert caught.value.path == f"model.{path}"
    assert words in caught.value.message


def test_a_kernel_may_cover_the_map_and_with_zeros_more():
    assert net((1, 3, 3), filters=2, kernel=7, pool=1, hidden=[]).parameters == 100 + 19 * 10
    valid = {"filters": 2, "padding": "valid", "pool": 1, "hidden": []}
    assert net((1, 3, 4), kernel=3, **valid).parameters == 20 + 5 * 10
    with pytest.raises(ConfigError, match="at most 3 in convolution 1 of block 1, where maps are 3×4"):
        net((1, 3, 4), kernel=4, **valid)


def test_rates_are_rows_and_sizes_are_shapes():
    def key(**hypers):
        return shape_key(resolve({"model": {"name": "cnn", **hypers}, "data": "mnist"}))

    assert key() == key(dropout=0.5) == key(block_dropout=0.5) == key(input_dropout=0.1)
    sizes = [
        {"filters": [16]}, {"blocks": 3}, {"growth": 3}, {"convolutions": 2}, {"kernel": 5}, {"stride": 2},
        {"padding": "valid"}, {"pooling": "none"}, {"pool": 3}, {"norm": "batch"}, {"hidden": 64},
        {"global_pooling": "average"}, {"activation": "sigmoid"},
    ]  # fmt: skip
    assert len({key(), *(key(**own) for own in sizes)}) == 1 + len(sizes)
    rates = row_numbers({"model": section(), "data": {}, "train": {}})
    assert {*rates} == {"model.dropout", "model.block_dropout", "model.input_dropout"}


def test_a_list_of_rates_belongs_to_the_shape():
    def complete(rates):
        return resolve({"model": {"name": "cnn", "block_dropout": rates}, "data": "mnist"})

    one, other = complete([0, 0.3]), complete([0.2, 0.3])
    assert len({shape_key(one), shape_key(other), shape_key(complete(0.2))}) == 3
    assert not is_row(one, "model.block_dropout")
    assert is_row(complete(0.2), "model.block_dropout")
    rates = {path: value for path, value in row_numbers(one).items() if "block" in path}
    assert rates == {"model.block_dropout.0": 0.0, "model.block_dropout.1": 0.3}


def trained(rates, **hypers):
    given = {"filters": [3, 4], "block_dropout": rates, **hypers}
    array = packing.make([packing.config("cnn", hypers=given)], [1])
    packing.train(array, 2)
    return array.theta


def test_each_block_has_its_own_rate():
    """One for both is the list with it twice; which block has which matters."""
    assert torch.equal(trained([0.3, 0.3]), trained(0.3))
    assert torch.equal(trained([0, 0]), trained(0))
    found = [trained(rates) for rates in ([0.3, 0.6], [0.6, 0.3], [0.3, 0.3])]
    assert not any(torch.equal(one, other) for one, other in pairwise([*found, found[0]]))


@pytest.mark.parametrize("rates", [[0.5, 0.0], [0.3, 0.6]])
def test_packing_does_not_matter_with_a_list_of_rates(rates):
    packing.assert_packing_does_not_matter(
        [
            packing.config("cnn", hypers={"filters": [3, 4], "block_dropout": rates, "dropout": own})
            for own in (0.0, 0.4)
        ]
    )


def test_dropout_is_behind_each_block_and_each_hidden_layer():
    chain = [*net(hidden=[8, 8]).layers]
    assert chain == [
        "drop0", "conv1.1", "pool1", "act1.1", "block_drop1", "conv2.1", "pool2", "act2.1", "block_drop2",
        "flatten", "linear1", "act1", "drop1", "linear2", "act2", "drop2", "linear",
    ]  # fmt: skip


def test_a_block_without_norm_is_one_operation():
    for hypers in ({}, {"convolutions": 2}, {"kernel": 5, "padding": "valid"}):
        joined = [own for own in net(**hypers).chain._joined if isinstance(own, ConvMax)]
        assert [own.relu for own in joined] == ["behind"] * 2
    for hypers in ({"pool": 3}, {"stride": 2, "filters": 4}, {"pooling": "average"}, {"norm": "batch"}):
        assert not [own for own in net(**hypers).chain._joined if isinstance(own, ConvMax)]
    assert inspect(resolve({"model": "cnn", "data": "mnist"})).compiled


@needs_kernels
@pytest.mark.parametrize("hypers", [{}, {"kernel": 5, "padding": "valid", "convolutions": 2}], ids=str)
def test_compiled_equals_uncompiled(hypers):
    def trained():
        own = {**packing.SMALL["cnn"], **hypers}
        array = packing.make([packing.config("cnn", hypers=own, optimizer={"name": "sgd", "lr": 0.01})] * 3)
        packing.train(array, 6)
        return array.theta

    compiled = trained()
    with library.torch_alone():
        alone = trained()
    torch.testing.assert_close(compiled, alone, rtol=0, atol=1e-12)
    assert not torch.equal(compiled, alone)


def test_the_names_of_its_weights_are_those_of_its_layers():
    names = {own.name: own.shape for own in net(convolutions=2, hidden=[5]).table}
    assert names["conv2.1.weight"] == (32, 16, 3, 3)
    assert names["linear1.weight"] == (5, 49 * 32)
    assert math.prod(names["linear.weight"]) == 50
