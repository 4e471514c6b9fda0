"""The large nets written anew in plain torch: functions of an image and of weights by name."""

import math

import torch
from torch import Tensor
from torch.nn import functional

Weights = dict[str, Tensor]


def weights(net) -> tuple[Tensor, Tensor]:
    """Return parameters (1, P) and buffers (1, Q) of one row with which activations stay at about 1."""
    generator = torch.Generator().manual_seed(1)
    theta = torch.randn(1, net.parameters, generator=generator, dtype=torch.float64)
    for own in net.table:
        part = theta[0, own.offset : own.offset + math.prod(own.shape)]
        part *= math.sqrt(2 / own.fan_in) if own.role == "weight" else 0.1
        part += 1.0 if own.role == "scale" else 0.0
    return theta, 0.5 + torch.rand(1, net.buffered, generator=generator, dtype=torch.float64)


def conv(
    a: Tensor, p: Weights, name: str, stride: int = 1, groups: int = 1, padding: int | None = None
) -> Tensor:
    """Convolve; without a padding the size stays, or is divided by the stride."""
    weight = p[f"{name}.weight"]
    pad = weight.shape[3] // 2 if padding is None else padding
    return functional.conv2d(a, weight, p.get(f"{name}.bias"), stride, pad, groups=groups)


def norm(a: Tensor, p: Weights, name: str) -> Tensor:
    """Normalize with the statistics that are kept, if there is such a layer."""
    if f"{name}.weight" not in p:
        return a
    mean, var, scale, shift = (
        p[f"{name}.{part}"] for part in ("running_mean", "running_var", "weight", "bias")
    )
    return functional.batch_norm(a, mean, var, scale, shift)


def linear(a: Tensor, p: Weights, name: str) -> Tensor:
    """Multiply by a matrix and add a bias."""
    return functional.linear(a, p[f"{name}.weight"], p[f"{name}.bias"])


def resnet(x: Tensor, p: Weights, blocks: tuple[int, ...]) -> Tensor:
    """ResNet for large images, of basic blocks, or of bottlenecks where a block has a third convolution."""
    a = functional.max_pool2d(norm(conv(x, p, "conv1", 2), p, "norm1").relu(), 3, 2, 1)
    for stage, count in enumerate(blocks, 1):
        for block in range(1, count + 1):
            name, stride = f"stage{stage}.block{block}", 2 if stage > 1 and block == 1 else 1
            y = norm(conv(a, p, f"{name}.conv1", stride), p, f"{name}.norm1").relu()
            y = norm(conv(y, p, f"{name}.conv2"), p, f"{name}.norm2")
            if f"{name}.conv3.weight" in p:
                y = norm(conv(y.relu(), p, f"{name}.conv3"), p, f"{name}.norm3")
            if f"{name}.shortcut.conv.weight" in p:
                a = norm(conv(a, p, f"{name}.shortcut.conv", stride), p, f"{name}.shortcut.norm")
            a = (a + y).relu()
    return linear(a.mean((2, 3)), p, "linear")


def vgg(x: Tensor, p: Weights) -> Tensor:
    """Whatever convolutions the weights have, in five blocks, then whatever linear layers."""
    a = x
    for block in range(1, 6):
        for i in range(1, 5):
            if f"conv{block}.{i}.weight" in p:
                a = norm(conv(a, p, f"conv{block}.{i}"), p, f"norm{block}.{i}").relu()
        a = functional.max_pool2d(a, 2)
    a = a.flatten(1)
    for i in (6, 7):
        if f"linear{i}.weight" in p:
            a = linear(a, p, f"linear{i}").relu()
    return linear(a, p, "linear8")


def response_norm(a: Tensor) -> Tensor:
    """Divide by (2 + 1e-4 · the squares of five maps)^0.75, map by map."""
    squares = functional.pad(a.square(), (0, 0, 0, 0, 2, 2))
    around = sum(squares[:, i : i + a.shape[1]] for i in range(5))
    return a / (2 + 1e-4 * around) ** 0.75


def alexnet(x: Tensor, p: Weights, stride: int, padding: int, groups: int) -> Tensor:
    """AlexNet: the large and the small form differ in the first convolution and in the groups."""
    a = response_norm(conv(x, p, "conv1", stride, padding=padding).relu())
    a = functional.max_pool2d(a, 3, 2)
    a = functional.max_pool2d(response_norm(conv(a, p, "conv2", groups=groups).relu()), 3, 2)
    for i, parts in ((3, 1), (4, groups), (5, groups)):
        a = conv(a, p, f"conv{i}", groups=parts).relu()
    a = functional.max_pool2d(a, 3, 2).flatten(1)
    for i in (6, 7):
        a = linear(a, p, f"linear{i}").relu()
    return linear(a, p, "linear8")


def inception(a: Tensor, p: Weights, name: str) -> Tensor:
    """Four branches side by side."""

    def step(a: Tensor, branch: str, n: int) -> Tensor:
        own = f"{name}.{branch}"
        return norm(conv(a, p, f"{own}.conv{n}"), p, f"{own}.norm{n}").relu()

    three, five = (step(step(a, branch, 1), branch, 2) for branch in ("three", "five"))
    pooled = step(functional.max_pool2d(a, 3, 1, 1), "pool", 1)
    return torch.cat([step(a, "one", 1), three, five, pooled], 1)


def googlenet(x: Tensor, p: Weights) -> list[Tensor]:
    """Return the scores and those of the classifiers aside, if there are any."""

    def pool(a: Tensor) -> Tensor:
        return functional.max_pool2d(a, 3, 2, ceil_mode=True)

    if "conv3.weight" in p:
        a = response_norm(pool(conv(x, p, "conv1", 2).relu()))
        a = pool(response_norm(conv(conv(a, p, "conv2").relu(), p, "conv3").relu()))
    else:
        a = norm(conv(x, p, "conv1"), p, "norm1").relu()
    aside = []
    for block in ("3a", "3b", "4a", "4b", "4c", "4d", "4e", "5a", "5b"):
        a = inception(pool(a) if block in ("4a", "5a") else a, p, f"block{block}")
        own = f"auxiliary{block}"
        if f"{own}.conv.weight" in p:
            side = conv(functional.avg_pool2d(a, 5, 3), p, f"{own}.conv").relu().flatten(1)
            aside.append(linear(linear(side, p, f"{own}.linear1").relu(), p, f"{own}.linear2"))
    return [linear(a.mean((2, 3)), p, "linear"), *aside]
