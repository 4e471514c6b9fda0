"""Residual networks: the counts of the papers, and one that equals plain torch."""

import math

import packing  # noqa: F401  (one thread)
import pytest
import torch
from torch import nn
from torch.nn import functional

from cnnlab import registry, resolve
from cnnlab.engine.array import Array
from cnnlab.engine.net import Net
from cnnlab.errors import ConfigError

CIFAR = {20: 269_722, 32: 464_154, 44: 658_586, 56: 853_018, 110: 1_727_962}


def net(name, shape=(3, 32, 32), classes=10, **hypers):
    config = registry.resolve("models", {"name": name, **hypers}, "model")
    return Net(registry.get("models", name)().layers(config, shape, classes), shape)


@pytest.mark.parametrize("depth", CIFAR)
def test_cifar_resnets_have_the_parameters_of_the_paper(depth):
    assert net("cifar-resnet", depth=depth).parameters == CIFAR[depth]
    assert net("cifar-resnet", depth=depth, padding="half").parameters == CIFAR[depth]
    assert net("cifar-resnet", depth=depth, residual="no").parameters == CIFAR[depth]
    assert net("cifar-resnet", depth=depth, shortcut="B").parameters == CIFAR[depth] + 2_752


def test_the_net_of_1202_layers():
    own = net("cifar-resnet", depth=1202)
    assert own.parameters == 19_421_274
    assert own.work.multiply_adds / 1e6 == pytest.approx(2_829, abs=0.5)
    assert net("cifar-resnet", depth=1202, residual="no").parameters == 19_421_274


@pytest.mark.parametrize(
    ("depth", "millions"), [(20, 40.6), (32, 68.9), (44, 97.2), (56, 125.5), (110, 252.9)]
)
def test_multiply_adds_of_cifar_resnets(depth, millions):
    for hypers in ({}, {"padding": "half"}, {"residual": "no"}):  # zeros multiply nothing
        own = net("cifar-resnet", depth=depth, **hypers)
        assert own.work.multiply_adds / 1e6 == pytest.approx(millions, abs=0.05)


def test_a_depth_between_is_refused():
    with pytest.raises(ConfigError, match="must be 6n \\+ 2, such as 20 or 26, got 21") as caught:
        net("cifar-resnet", depth=21)
    assert caught.value.path == "model.depth"


def test_small_grey_images_get_a_frame_of_zeros():
    small, full = net("cifar-resnet", (1, 28, 28)), net("cifar-resnet", (1, 32, 32))
    assert small.work.multiply_adds == full.work.multiply_adds
    assert small.parameters == full.parameters == CIFAR[20] - 2 * 16 * 9


class Block(nn.Module):
    """A block as in textbooks; what it adds is asked from outside."""

    def __init__(self, inputs, maps, stride, shortcut):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, maps, 3, stride, 1, bias=False)
        self.norm1, self.norm2 = nn.BatchNorm2d(maps), nn.BatchNorm2d(maps)
        self.conv2 = nn.Conv2d(maps, maps, 3, 1, 1, bias=False)
        self.kind, self.stride, self.more = shortcut, stride, maps - inputs
        if shortcut == "B" and self.more:
            self.shortcut = nn.Sequential()
            self.shortcut.add_module("conv", nn.Conv2d(inputs, maps, 1, stride, bias=False))
            self.shortcut.add_module("norm", nn.BatchNorm2d(maps))

    def added(self, x):
        if self.kind == "no":
            return 0
        if not self.more:
            return x
        if self.kind == "B":
            return self.shortcut(x)
        small, zeros = x[:, :, :: self.stride, :: self.stride], x.new_zeros(len(x), self.more, 16, 16)
        zeros = zeros[:, :, : small.shape[2], : small.shape[3]]
        if self.kind == "end":
            return torch.cat([small, zeros], 1)
        half = self.more // 2
        return torch.cat([zeros[:, :half], small, zeros[:, :half]], 1)

    def forward(self, x):
        y = self.norm2(self.conv2(functional.relu(self.norm1(self.conv1(x)))))
        return functional.relu(y + self.added(x))


class Resnet(nn.Module):
    """ResNet-20 for 32×32 images."""

    def __init__(self, shortcut):
        super().__init__()
        self.conv1, self.norm1 = nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16)
        inputs = 16
        for stage, maps in enumerate((16, 32, 64), 1):
            blocks = nn.Module()
            for i in range(1, 4):
                blocks.add_module(f"block{i}", Block(inputs, maps, 2 if inputs != maps else 1, shortcut))
                inputs = maps
            self.add_module(f"stage{stage}", blocks)
        self.linear = nn.Linear(64, 10)

    def forward(self, x):
        x = functional.relu(self.norm1(self.conv1(x)))
        for stage in (self.stage1, self.stage2, self.stage3):
            for block in stage.children():
                x = block(x)
        return self.linear(x.mean((2, 3)))


KINDS = {
    "end": {"shortcut": "A"},
    "half": {"shortcut": "A", "padding": "half"},
    "B": {"shortcut": "B"},
    "no": {"residual": "no"},
}


@pytest.mark.long
@pytest.mark.parametrize("kind", KINDS)
def test_resnet20_equals_plain_torch(kind):
    """Two rows in float64: scores, one training step with momentum's second, buffers."""
    own = net("cifar-resnet", depth=20, **KINDS[kind])
    train = {"precision": "float64", "optimizer": {"name": "momentum", "lr": 0.01}}
    config = resolve({"model": {"name": "cifar-resnet", **KINDS[kind]}, "data": "mnist", "train": train})
    array = Array(own, [config] * 2, [1, 2])
    plain = [Resnet(kind).double() for _ in range(2)]
    for k, other in enumerate(plain):
        start = own.named(array.theta[k], array.buffers[k])
        missing, unexpected = other.load_state_dict(start, strict=False)
        assert not unexpected
        assert all(name.endswith("num_batches_tracked") for name in missing)
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(4, 3, 32, 32, generator=generator, dtype=torch.float64)
    y = torch.randint(10, (4,), generator=generator)
    shared = x[:, None].expand(-1, 2, -1, -1, -1), y[:, None].expand(-1, 2)
    array.step(*shared)
    scores = array.predict(shared[0])
    for k, other in enumerate(plain):
        rule = torch.optim.SGD(other.parameters(), lr=0.01, momentum=0.9)
        functional.cross_entropy(other(x), y).backward()
        rule.step()
        expected = other.state_dict()
        for name, value in own.named(array.theta[k], array.buffers[k]).items():
            torch.testing.assert_close(value, expected[name], rtol=0, atol=1e-10, msg=name)
        torch.testing.assert_close(scores[:, k], other.eval()(x), rtol=0, atol=1e-10)


def test_a_net_counts_what_its_blocks_hold():
    own = net("cifar-resnet", depth=8, shortcut="B")
    assert sum(math.prod(p.shape) for p in own.table) == own.parameters
    assert len({p.name for p in own.table}) == len(own.table)
    assert "stage2.block1.shortcut.conv.weight" in {p.name for p in own.table}
    assert {b.name for b in own.buffers} >= {"stage2.block1.shortcut.norm.running_var"}
