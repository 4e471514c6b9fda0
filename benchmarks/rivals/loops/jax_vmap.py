"""JAX: all trials of a grid as one vmap, compiled, in one process that uses both cores."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.rivals.loops import jax_nets
from benchmarks.rivals.loops.protocol import serve

Tree = Any


@functools.cache
def compiled(net: str) -> tuple[Callable[..., Tree], Callable[..., Tree], Callable[..., Tree]]:
    """Return first weights from keys, one step of all trials, and the number of right answers, compiled."""
    start, apply = jax_nets.NETS[net]

    def loss(
        weights: Tree, stats: Tree, x: jax.Array, y: jax.Array, key: jax.Array, dropout: jax.Array
    ) -> Any:
        scores, stats = apply(weights, stats, x, True, key, dropout)
        return -jnp.take_along_axis(jax.nn.log_softmax(scores), y[:, None], 1).mean(), stats

    def step(state: Tree, key: jax.Array, values: Tree, x: jax.Array, y: jax.Array) -> Tree:
        weights, velocity, stats = state
        slope, stats = jax.grad(loss, has_aux=True)(weights, stats, x, y, key, values["dropout"])
        velocity = jax.tree.map(lambda v, g, w: 0.9 * v + g + values["l2"] * w, velocity, slope, weights)
        weights = jax.tree.map(lambda w, v: w - values["lr"] * v, weights, velocity)
        return weights, velocity, stats

    def right(state: Tree, x: jax.Array, y: jax.Array) -> jax.Array:
        scores, _ = apply(state[0], state[2], x, False, None, None)
        return (scores.argmax(1) == y).sum()

    def first(key: jax.Array) -> Tree:
        weights, stats = start(key)
        return weights, jax.tree.map(jnp.zeros_like, weights), stats

    return (
        jax.jit(jax.vmap(first)),
        jax.jit(jax.vmap(step, in_axes=(0, 0, 0, None, None)), donate_argnums=0),
        jax.jit(jax.vmap(right, in_axes=(0, None, None))),
    )


fold = jax.jit(jax.vmap(jax.random.fold_in, in_axes=(0, None)))


def run(task: dict[str, Any]) -> dict[str, Any]:
    """Train the grid."""
    with np.load(task["split"]) as file:
        mean, std = float(file["mean"]), float(file["std"])
        x, val_x = (
            np.moveaxis((file[name].astype(np.float32) / 255 - mean) / std, 1, -1)
            for name in ("train_x", "val_x")
        )
        y, val_y = file["train_y"], file["val_y"]
    count = len(task["trials"])
    first, step, right = compiled(task["net"])
    keys = jax.random.split(jax.random.key(task["seed"]), count)
    values = {
        name: jnp.array([trial[name] for trial in task["trials"]], jnp.float32) for name in task["trials"][0]
    }
    state, order, steps = first(keys), np.random.default_rng(task["seed"]), 0
    for _ in range(task["epochs"]):
        shuffled = order.permutation(len(y))
        for begin in range(0, len(y), task["batch"]):
            index = shuffled[begin : begin + task["batch"]]
            state, steps = step(state, fold(keys, steps), values, x[index], y[index]), steps + 1
        accuracies = np.asarray(right(state, val_x, val_y)) / len(val_y)
    return {"accuracies": accuracies.tolist()}


if __name__ == "__main__":
    serve(run)
