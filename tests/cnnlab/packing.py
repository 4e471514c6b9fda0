"""Small arrays for conformance tests: build, train, and compare trials packed together and alone."""

import torch

from cnnlab import registry, resolve
from cnnlab.engine.array import Array
from cnnlab.engine.net import Net
from cnnlab.errors import ConfigError
from cnnlab.hyper import declared

# Too large to be trained by every test; test_large_nets.py sees to them.
LARGE = {"alexnet", "googlenet", "resnet", "vgg"}
ELSEWHERE = {"timm"}  # models/test_timm.py has them, where timm is installed
FIRST = [(1, 3, 4), (1, 28, 28), (1, 1, 24), (3, 32, 32)]  # a model gets the first images that fit it
SMALL = {
    "mlp": {"hidden": [7, 6]},
    "cifar-resnet": {"depth": 8},
    "cnn": {"filters": [4, 6], "hidden": [16]},
    "wide-resnet": {"depth": 10, "widen": 1},
    "maxout": {"hidden": [7, 6], "pieces": 3},
    "maxout-conv": {"maps": [3, 2], "hidden": [6]},
}
# Rounding grows by the condition of a net's matrix, unless the matrix is kept away from singular ones.
CALM = {"newton": {"damping": 1.0}, "adagrad-full": {"eps": 0.01}}
IMAGES = 6


def _fitting(name):
    for shape in FIRST:
        try:
            config = registry.resolve("models", {"name": name, **SMALL.get(name, {})}, "model")
            Net(registry.get("models", name)().layers(config, shape, 10), shape)
        except ConfigError:
            continue
        return shape
    raise AssertionError(f"{name} fits none of {FIRST}")


MODELS = [name for name in registry.names("models") if name not in LARGE | ELSEWHERE]
SHAPE = {name: _fitting(name) for name in MODELS}

torch.set_num_threads(1)


def config(model="mlp", precision="float64", hypers=None, **train):
    """Resolve a config for a small net; of `hypers`, the model's, those count that it has."""
    known = declared(registry.get("models", model))
    own = {name: value for name, value in (hypers or {}).items() if name in known}
    return resolve(
        {
            "model": {"name": model, **SMALL.get(model, {}), **own},
            "data": "mnist",
            "train": {"precision": precision, **train},
        }
    )


def make(configs, seeds=None, metrics=(), varied=()):
    """Build an array of untrained trials, measured by these metrics."""
    name = configs[0]["model"]["name"]
    layers = registry.get("models", name)().layers(configs[0]["model"], SHAPE[name], 10)
    seeds = seeds or [10 + k for k in range(len(configs))]
    measured = {metric: registry.get("metrics", metric)() for metric in metrics}
    return Array(Net(layers, SHAPE[name]), configs, seeds, metrics=measured, varied=varied)


def batch(array, number):
    """Return batch `number`, the same for every array of one net, shared by its rows."""
    generator = torch.Generator().manual_seed(number)
    x = torch.randn(IMAGES, 1, *array.net.shape, generator=generator, dtype=torch.float64).to(array.dtype)
    y = torch.randint(10, (IMAGES, 1), generator=generator)
    return x.expand(-1, len(array), *array.net.shape), y.expand(-1, len(array))


def train(array, steps, first=0, same=False):
    """Train in place, with `same` on one batch only, and return the losses, (steps, K)."""
    return torch.stack([array.step(*batch(array, 0 if same else first + i)).loss for i in range(steps)])


def assert_packing_does_not_matter(configs, steps=8, same=False):
    """Trials together, in another order and alone end at the same weights in float64."""
    seeds = [10 + k for k in range(len(configs))]
    together = make(configs, seeds)
    start = together.theta.clone()
    train(together, steps, same=same)
    turned = make(configs[::-1], seeds[::-1])
    train(turned, steps, same=same)
    torch.testing.assert_close(turned.theta.flip(0), together.theta, rtol=0, atol=1e-10)
    for k, (own, seed) in enumerate(zip(configs, seeds, strict=True)):
        alone = make([own], [seed])
        assert torch.equal(alone.theta[0], start[k])
        train(alone, steps, same=same)
        torch.testing.assert_close(alone.theta[0], together.theta[k], rtol=0, atol=1e-10)
        torch.testing.assert_close(alone.buffers[0], together.buffers[k], rtol=0, atol=1e-10)
    assert (together.theta - start).abs().amax(1).min() > 1e-6


def assert_neighbours_do_not_matter(own, others, steps=4, same=False):
    """In float32 the bits of row 1 of 4 stay whatever stands beside it, NaN included."""
    width = [others[0], own, *others[1:3]]
    first = make(width, [1, 2, 3, 4])
    train(first, steps, same=same)
    second = make([others[2], own, others[1], own], [5, 2, 6, 7])
    second.theta[0] = float("nan")
    second.theta[3] = 1e30
    train(second, steps, same=same)
    assert torch.equal(first.theta[1], second.theta[1])
    assert torch.equal(first.buffers[1], second.buffers[1])
    assert second.theta[0].isnan().any()
    assert first.theta[1].isfinite().all()
