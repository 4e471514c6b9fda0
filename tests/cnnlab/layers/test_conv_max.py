"""A convolution and the max pooling behind it run as one operation, and nobody can see a difference."""

from typing import Any

import pytest
import torch
from compiled_library import needs_kernels

from cnnlab import resolve
from cnnlab.chain import Chain
from cnnlab.engine import cost
from cnnlab.engine.array import Array
from cnnlab.engine.net import build
from cnnlab.kernels import library
from cnnlab.layer import Context, Mode
from cnnlab.layers.activate import Activate
from cnnlab.layers.auxiliary import Auxiliary
from cnnlab.layers.branches import Branches
from cnnlab.layers.conv2d import Conv2d
from cnnlab.layers.conv_max import ConvMax
from cnnlab.layers.max_pool2d import MaxPool2d
from cnnlab.layers.residual import Residual
from cnnlab.precision import PRECISIONS

torch.set_num_threads(1)

CONVOLUTION, POOL = Conv2d(1, 2, 3), MaxPool2d(2)
RELU, SIGMOID = Activate("relu", "model.activation"), Activate("sigmoid", "model.activation")


@pytest.mark.parametrize("layers", [{"pool": POOL}, {"act": RELU, "pool": POOL}, {"pool": POOL, "act": RELU}])
def test_names_and_counts_are_those_of_the_layers(layers: dict[str, MaxPool2d | Activate]) -> None:
    chain = Chain({"conv": CONVOLUTION} | layers)
    both = ConvMax(CONVOLUTION, *layers.values())
    shape = (1, 7, 8)
    assert [own.name for own in chain.parameters] == ["conv.weight", "conv.bias"]
    assert list(chain.layers) == ["conv", *layers]
    assert both.output(shape) == chain.output(shape)
    assert both.layer_count == chain.layer_count
    for count in ("multiply_adds", "connections", "activations"):
        assert getattr(both, count)(shape) == getattr(chain, count)(shape)


@needs_kernels
@pytest.mark.parametrize("flip", ["no", "yes"])
def test_a_net_trains_alike_without_the_library(flip: str, monkeypatch: pytest.MonkeyPatch) -> None:
    model = {"name": "lenet5", "flip": flip, "dropout": 0.3, "input_dropout": 0.1}
    train = {"precision": "float64", "optimizer": "adam"}
    config = resolve({"model": model, "data": "mnist", "train": train})
    x, y = torch.randn(6, 1, 1, 28, 28, dtype=torch.float64).expand(-1, 3, -1, -1, -1), torch.arange(6)

    def trained() -> torch.Tensor:
        array = Array(build(config), [config] * 3, [1, 2, 3])
        for _ in range(3):
            array.step(x, y[:, None].expand(-1, 3))
        return array.theta

    with_library = trained()
    monkeypatch.setattr(library, "load", lambda dtype: library.Kernels(None, None, "off"))
    torch.testing.assert_close(with_library, trained(), rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize(
    ("model", "compiled"),
    [
        ("lenet5", True),
        ({"name": "lenet5", "norm": "batch"}, True),
        ({"name": "mlp", "hidden": [8], "norm": "batch"}, True),
        ({"name": "mlp", "hidden": [9], "norm": "batch"}, False),
        ({"name": "lenet5", "pooling": "average"}, False),
        ("mlp", False),
    ],
)
def test_a_net_shows_whether_it_has_a_compiled_operation(model: Any, compiled: bool) -> None:
    assert cost.inspect(resolve({"model": model, "data": "mnist"})).compiled is compiled


def test_a_layer_of_chains_has_the_pairs_of_its_chains() -> None:
    pair = {"conv": CONVOLUTION, "pool": POOL}
    for block in (
        Branches({"a": {}, "b": pair}),
        Residual(pair, {"conv": CONVOLUTION}),
        Residual({}, pair),
        Auxiliary(pair, "weight"),
    ):
        assert Chain({"block": block}).compiled
    assert not Chain({"block": Residual({"conv": CONVOLUTION})}).compiled


@needs_kernels
def test_with_bfloat16_it_stays_with_the_float32_that_it_receives() -> None:
    """It is faster so; by torch's operations the products are of bfloat16."""
    joined, x = ConvMax(Conv2d(1, 6, 5), MaxPool2d(2)), torch.rand(4, 2, 1, 8, 8)
    p = [torch.rand(2, *parameter.shape) for parameter in joined.parameters]
    context = Context({}, frozenset(), *torch.zeros(2, 2, dtype=torch.int32), Mode.TRAIN)
    expected = joined.forward(x, p, [], context)
    with PRECISIONS["bfloat16"].casts(x.device):
        assert torch.equal(joined.forward(x, p, [], context), expected)
        with library.torch_alone():
            assert joined.forward(x, p, [], context).dtype == torch.bfloat16


@needs_kernels
def test_a_net_goes_on_from_a_state_with_every_bit() -> None:
    config = resolve({"model": {"name": "lenet5", "dropout": 0.3}, "data": "mnist"})
    x, y = torch.randn(6, 1, 1, 28, 28).expand(-1, 3, -1, -1, -1), torch.arange(6)[:, None].expand(-1, 3)

    def trained(array: Array, steps: int) -> Array:
        for _ in range(steps):
            array.step(x, y)
        return array

    straight = trained(Array(build(config), [config] * 3, [1, 2, 3]), 2)
    saved = straight.state()
    resumed = Array(build(config), [config] * 3, [1, 2, 3])
    for row in range(3):
        resumed.load_row(row, {name: tensor[row] for name, tensor in saved.items()})
    assert torch.equal(trained(straight, 3).theta, trained(resumed, 3).theta)


@needs_kernels
def test_a_net_of_it_has_the_same_bits_in_arrays_of_any_width() -> None:
    generator, rates = torch.Generator().manual_seed(1), (0.01, 0.02, 0.05, 0.1)
    x = torch.randn(128, 1, 1, 28, 28, generator=generator)
    y = torch.randint(10, (128, 1), generator=generator)
    configs = [
        resolve(
            {
                "model": {"name": "lenet5", "dropout": (0.0, 0.3)[k % 2]},
                "data": "mnist",
                "train": {"optimizer": {"name": "momentum", "lr": rates[k % 4]}, "l2": 1e-3 * (k % 3)},
            }
        )
        for k in range(8)
    ]

    def trained(rows: range) -> list[torch.Tensor]:
        """Losses of three steps, those of predictions, and the weights, a row each."""
        array = Array(build(configs[0]), [configs[k] for k in rows], list(rows), varied=["model.dropout"])
        images, classes = x.expand(-1, len(rows), -1, -1, -1), y.expand(-1, len(rows))
        steps = [array.step(images, classes).loss for _ in range(3)]
        return [*steps, array.evaluate(images, classes).loss, array.theta]

    whole = trained(range(8))
    for rows in (range(1), range(5, 6), range(3), range(2, 8)):
        for every, some in zip(whole, trained(rows), strict=True):
            assert torch.equal(every[rows.start : rows.stop], some)
