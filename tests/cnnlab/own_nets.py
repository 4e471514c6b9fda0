"""Arrays of the zoo's modules, or of modules in plug-ins that a test writes, for small images."""

from pathlib import Path
from textwrap import dedent

import torch
from plugin_files import add

from cnnlab import registry, resolve, rng
from cnnlab.engine.array import Array
from cnnlab.engine.net import Net

torch.set_num_threads(1)

ZOO = Path(__file__).parents[1] / "own_zoo"
SHAPE, CLASSES, IMAGES = (3, 16, 16), 5, 4
HEAD = """
import torch
from torch import nn
from torch.nn import functional
from cnnlab.hyper import Choice, Int, Number, Text, Widths
from cnnlab.own_model import own_model
"""


def write(folder, text, name="tried_net"):
    """Write a plug-in of a model; its code begins in line 7."""
    add(folder, f"models/{name}.py", HEAD + dedent(text).lstrip("\n"))


def config(name, precision="float64", hypers=None, **train):
    """Resolve a config of a model; the data set is not read."""
    model = {"name": name, **(hypers or {})}
    return resolve({"model": model, "data": "mnist", "train": {"precision": precision, **train}})


def net(config, shape=SHAPE):
    """Return the net of a config."""
    entry = registry.get("models", config["model"]["name"])()
    return Net(entry.layers(config["model"], shape, CLASSES), shape)


def make(configs, seeds, shape=SHAPE, **options):
    """Return an array of untrained trials."""
    return Array(net(configs[0], shape), configs, seeds, **options)


def batch(array, number, images=IMAGES):
    """Return batch `number`, which the rows share."""
    generator = torch.Generator().manual_seed(number)
    x = torch.randn(images, 1, *array.net.shape, generator=generator, dtype=torch.float64).to(array.dtype)
    y = torch.randint(CLASSES, (images, 1), generator=generator)
    return x.expand(-1, len(array), *array.net.shape), y.expand(-1, len(array))


def plain(config, seed, dtype=torch.float64, shape=SHAPE):
    """Return the module itself with its first weights, as torch has it."""
    entry = registry.get("models", config["model"]["name"])()
    return entry.module(config["model"], shape, CLASSES, rng.fold(seed) % 2**32).to(dtype)


def row_state(array, row):
    """Return parameters and buffers of a row by name."""
    return array.net.named(array.theta[row], array.buffers[row])


def far(array, row, module):
    """Return how far a row is from a module, at most."""
    state = module.state_dict()
    return max(float((own - state[name]).abs().max()) for name, own in row_state(array, row).items())
