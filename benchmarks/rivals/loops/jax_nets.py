"""The nets of the benchmark in JAX: first weights, and scores of a batch (N, H, W, C), for one trial."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import jax
import jax.numpy as jnp

Tree = Any
Net = tuple[Callable[[jax.Array], tuple[Tree, Tree]], Callable[..., tuple[jax.Array, Tree]]]


def convolve(x: jax.Array, w: jax.Array, padding: int, stride: int = 1) -> jax.Array:
    """Return the convolution of (N, H, W, C) with a kernel (h, w, C, maps)."""
    return jax.lax.conv_general_dilated(
        x, w, (stride, stride), [(padding, padding)] * 2, dimension_numbers=("NHWC", "HWIO", "NHWC")
    )


def pool(x: jax.Array) -> jax.Array:
    """Return the maxima of windows of 2×2, as a reshape: its gradient is much faster than reduce_window's."""
    n, h, w, c = x.shape
    return x.reshape(n, h // 2, 2, w // 2, 2, c).max((2, 4))


def uniform(key: jax.Array, shape: Sequence[int]) -> dict[str, jax.Array]:
    """Return weights and biases as torch's layers begin: U(±1/√fan-in)."""
    bound = 1 / math.sqrt(math.prod(shape[:-1]))
    one, two = jax.random.split(key)
    return {
        "w": jax.random.uniform(one, shape, minval=-bound, maxval=bound),
        "b": jax.random.uniform(two, shape[-1:], minval=-bound, maxval=bound),
    }


def chain(convolutions: Sequence[tuple[Sequence[int], int]], widths: Sequence[int]) -> Net:
    """Return a net: convolutions (kernel shape, padding) with pooling and ReLU, then linear layers."""
    shapes = [shape for shape, _ in convolutions] + list(pairwise(widths))

    def start(key: jax.Array) -> tuple[Tree, Tree]:
        keys = jax.random.split(key, len(shapes))
        return [uniform(one, shape) for one, shape in zip(keys, shapes, strict=True)], {}

    def apply(
        weights: Tree, stats: Tree, x: jax.Array, training: bool, key: jax.Array, dropout: jax.Array
    ) -> tuple[jax.Array, Tree]:
        for layer, (_, padding) in zip(weights, convolutions, strict=False):
            x = jax.nn.relu(pool(convolve(x, layer["w"], padding) + layer["b"]))
        x = x.reshape(len(x), -1)
        hidden = weights[len(convolutions) :]
        for i, layer in enumerate(hidden[:-1]):
            x = jax.nn.relu(x @ layer["w"] + layer["b"])
            if training:
                kept = jax.random.bernoulli(jax.random.fold_in(key, i), 1 - dropout, x.shape)
                x = jnp.where(kept, x / (1 - dropout), 0)
        return x @ hidden[-1]["w"] + hidden[-1]["b"], stats

    return start, apply


MAPS = (16, 16, 16, 16, 32, 32, 32, 64, 64, 64)


def normalize(x: jax.Array, layer: Tree, stats: Tree, training: bool) -> tuple[jax.Array, Tree]:
    """Return batch normalization, and the running statistics after it."""
    if training:
        mean, variance, n = x.mean((0, 1, 2)), x.var((0, 1, 2)), x.size // x.shape[-1]
        new = {
            "mean": 0.9 * stats["mean"] + 0.1 * mean,
            "var": 0.9 * stats["var"] + 0.1 * variance * n / (n - 1),
        }
    else:
        mean, variance, new = stats["mean"], stats["var"], stats
    return (x - mean) * jax.lax.rsqrt(variance + 1e-5) * layer["gain"] + layer["shift"], new


def resnet20_start(key: jax.Array) -> tuple[Tree, Tree]:
    """Return He et al.'s first weights, N(0, 2/fan-in), and the first statistics."""
    pairs = [(1, 16)] + [two for a, b in pairwise(MAPS) for two in ((a, b), (b, b))]
    keys = jax.random.split(key, len(pairs) + 1)
    weights: Tree = {
        "convs": [
            jax.random.normal(one, (3, 3, a, b)) * math.sqrt(2 / (9 * a))
            for one, (a, b) in zip(keys, pairs, strict=False)
        ],
        "norms": [{"gain": jnp.ones(b), "shift": jnp.zeros(b)} for _, b in pairs],
        "w": jax.random.normal(keys[-1], (64, 10)) * math.sqrt(2 / 64),
        "b": jnp.zeros(10),
    }
    return weights, [{"mean": jnp.zeros(b), "var": jnp.ones(b)} for _, b in pairs]


def resnet20(
    weights: Tree, stats: Tree, x: jax.Array, training: bool, key: jax.Array, dropout: jax.Array
) -> tuple[jax.Array, Tree]:
    """Return the scores of ResNet-20 with shortcuts A; 28×28 images are padded to 32×32."""
    layers = iter(zip(weights["convs"], weights["norms"], stats, strict=True))
    after: list[Tree] = []

    def layer(x: jax.Array, padding: int = 1, stride: int = 1) -> jax.Array:
        w, norm, old = next(layers)
        y, new = normalize(convolve(x, w, padding, stride), norm, old, training)
        after.append(new)
        return y

    x = jax.nn.relu(layer(x, 3))
    for a, b in pairwise(MAPS):
        stride = 1 if a == b else 2
        y = layer(jax.nn.relu(layer(x, 1, stride)))
        if a != b:
            x = jnp.pad(x[:, ::2, ::2], ((0, 0), (0, 0), (0, 0), (0, b - a)))
        x = jax.nn.relu(x + y)
    return x.mean((1, 2)) @ weights["w"] + weights["b"], after


NETS: dict[str, Net] = {
    "lenet5": chain([((5, 5, 1, 6), 2), ((5, 5, 6, 16), 0)], (400, 120, 84, 10)),
    "tutorial-cnn": chain([((3, 3, 1, 32), 1), ((3, 3, 32, 64), 1)], (3136, 128, 10)),
    "mlp": chain([], (784, 128, 64, 10)),
    "resnet20": (resnet20_start, resnet20),
}
