"""Wide residual networks: the counts of the paper, and one that equals plain torch."""

import packing  # noqa: F401  (one thread)
import pytest
import torch
from torch import nn

from cnnlab import registry, resolve
from cnnlab.config import row_numbers, shape_key
from cnnlab.engine.array import Array
from cnnlab.engine.net import Net
from cnnlab.errors import ConfigError

STEPS, IMAGES = 20, 4


def net(shape=(3, 32, 32), classes=10, **hypers):
    config = registry.resolve("models", {"name": "wide-resnet", **hypers}, "model")
    return Net(registry.get("models", "wide-resnet")().layers(config, shape, classes), shape)


@pytest.mark.parametrize(
    ("depth", "widen", "parameters"),
    [(16, 2, 691_674), (40, 2, 2_243_546), (16, 4, 2_748_890), (16, 8, 10_961_370), (28, 10, 36_479_194)],
)
def test_parameters_of_the_authors_nets(depth, widen, parameters):
    assert net(depth=depth, widen=widen).parameters == parameters


@pytest.mark.parametrize(("depth", "widen"), [(10, 1), (22, 3), (40, 1)])
def test_parameters_by_formula(depth, widen):
    """n blocks a stage: 9 weights for each pair of maps, two numbers for each map that is normalized."""
    blocks, before, count = (depth - 4) // 6, 16, 9 * 3 * 16
    for maps in (16 * widen, 32 * widen, 64 * widen):
        shortcut = before * maps if before != maps else 0
        count += shortcut + 9 * before * maps + 9 * maps**2 + 2 * before + 2 * maps
        count += (blocks - 1) * (18 * maps**2 + 4 * maps)
        before = maps
    assert net(depth=depth, widen=widen).parameters == count + 2 * before + 10 * (before + 1)


@pytest.mark.parametrize(
    ("hypers", "path", "words"),
    [
        ({"depth": 20}, "depth", "must be 6n + 4, such as 16 or 22, got 20"),
        ({"depth": 4}, "depth", "must be an integer from 10 to 1000, got 4"),
        ({"widen": 0}, "widen", "must be an integer from 1 to 64, got 0"),
        ({"widen": 1.5}, "widen", "must be an integer from 1 to 64, got 1.5"),
    ],
)
def test_other_sizes_are_refused(hypers, path, words):
    with pytest.raises(ConfigError) as caught:
        net(**hypers)
    assert (caught.value.path, caught.value.message) == (f"model.{path}", words)


def test_widths_and_depths_are_shapes_and_dropout_is_a_rows():
    def key(**hypers):
        return shape_key(resolve({"model": {"name": "wide-resnet", **hypers}, "data": "cifar10"}))

    assert key() == key(dropout=0.3)
    assert len({key(), key(depth=22), key(widen=3)}) == 3
    config = resolve({"model": "wide-resnet", "data": "cifar10"})
    assert {*row_numbers(config)} == {"model.dropout"}


class WideBlock(nn.Module):
    """A block as in the paper's figure 1: normalized before each convolution."""

    def __init__(self, inputs, maps, stride):
        super().__init__()
        self.norm1, self.norm2 = nn.BatchNorm2d(inputs), nn.BatchNorm2d(maps)
        self.conv1 = nn.Conv2d(inputs, maps, 3, stride, 1, bias=False)
        self.conv2 = nn.Conv2d(maps, maps, 3, 1, 1, bias=False)
        self.shortcut = nn.Conv2d(inputs, maps, 1, stride, bias=False) if inputs != maps else None

    def forward(self, x):
        first = self.norm1(x).relu()
        added = x if self.shortcut is None else self.shortcut(first)
        return self.conv2(self.norm2(self.conv1(first)).relu()) + added


class Wide(nn.Module):
    """WRN-d-k of torch's own modules, their parameters in the order of a row."""

    def __init__(self, channels, depth, widen):
        super().__init__()
        self.conv, before, blocks = nn.Conv2d(channels, 16, 3, 1, 1, bias=False), 16, []
        for stage, maps in enumerate((16 * widen, 32 * widen, 64 * widen)):
            for block in range((depth - 4) // 6):
                blocks.append(WideBlock(before, maps, 2 if stage and not block else 1))
                before = maps
        self.blocks, self.norm, self.linear = (
            nn.Sequential(*blocks),
            nn.BatchNorm2d(before),
            nn.Linear(before, 10),
        )

    def forward(self, x):
        return self.linear(self.norm(self.blocks(self.conv(x))).relu().mean((2, 3)))

    def in_order(self):
        yield self.conv.weight
        for block in self.blocks:
            yield from block.norm1.parameters()
            yield block.conv1.weight
            yield from block.norm2.parameters()
            yield block.conv2.weight
            yield from [block.shortcut.weight] if block.shortcut is not None else []
        yield from self.norm.parameters()
        yield from self.linear.parameters()


@pytest.mark.parametrize(("depth", "widen"), [(10, 1), (10, 2), (16, 1)])
def test_it_equals_plain_torch_after_some_steps(depth, widen):
    own, other = net((2, 32, 32), depth=depth, widen=widen), Wide(2, depth, widen).double()
    config = resolve(
        {
            "model": {"name": "wide-resnet", "depth": depth, "widen": widen},
            "data": "cifar10",
            "train": {"precision": "float64", "optimizer": {"name": "sgd", "lr": 0.01}},
        }
    )
    array = Array(own, [config], [1])
    start = array.theta[0].clone()
    torch.nn.utils.vector_to_parameters(start.clone(), other.in_order())
    optimizer = torch.optim.SGD(other.parameters(), lr=0.01)
    generator = torch.Generator().manual_seed(1)
    for _ in range(STEPS if widen == 1 and depth == 10 else 3):
        x = torch.randn(IMAGES, 2, 32, 32, generator=generator, dtype=torch.float64)
        y = torch.randint(10, (IMAGES,), generator=generator)
        array.step(x[:, None], y[:, None])
        optimizer.zero_grad()
        nn.functional.cross_entropy(other(x), y).backward()
        optimizer.step()
    found = torch.nn.utils.parameters_to_vector(other.in_order())
    torch.testing.assert_close(array.theta[0], found, rtol=0, atol=1e-10)
    assert (array.theta[0] - start).abs().max() > 1e-3
