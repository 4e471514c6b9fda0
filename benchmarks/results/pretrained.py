"""Errors of public pretrained CIFAR ResNets: `python -m benchmarks.results.pretrained`."""

import os
from pathlib import Path

import numpy as np
import torch

from benchmarks.results.five_seeds import say
from cnnlab import registry, resolve
from cnnlab.engine import pretrained
from cnnlab.engine.array import Array
from cnnlab.engine.net import Net

# File in CNNLAB_DATA/pretrained, and the error in percent that its author gives for the whole test part.
FILES = {
    20: ("resnet20-12fca82f.th", 8.27),
    32: ("resnet32-d509ac18.th", 7.37),
    44: ("resnet44-014dd654.th", 6.90),
    56: ("resnet56-4bfd9763.th", 6.61),
}
IMAGES = "cifar10/cifar10-lossless-part.npz"


def array(depth: int) -> Array:
    """Return an untrained CIFAR ResNet of the public weights' kind: option A, zeros half on either side."""
    model = {"name": "cifar-resnet", "depth": depth, "padding": "half"}
    config = resolve({"model": model, "data": "cifar10"})
    layers = registry.get("models", "cifar-resnet")().layers(config["model"], (3, 32, 32), 10)
    return Array(Net(layers, (3, 32, 32)), [config], [0])


def missing(folder: Path, depth: int) -> bool:
    """Whether weights or images are not there."""
    return not ((folder / "pretrained" / FILES[depth][0]).is_file() and (folder / IMAGES).is_file())


def errors(folder: Path, depth: int) -> tuple[int, int]:
    """Return wrong answers and images."""
    one = array(depth)
    weights = pretrained.read(folder / "pretrained" / FILES[depth][0])
    one.theta[0], one.buffers[0] = pretrained.row(one.net, weights)
    with np.load(folder / IMAGES) as part:
        x, y = torch.from_numpy(part["x_test"]).float() / 255, torch.from_numpy(part["y_test"]).long()
    mean, deviation = torch.tensor(pretrained.MEAN), torch.tensor(pretrained.DEVIATION)
    x = (x - mean.view(3, 1, 1)) / deviation.view(3, 1, 1)
    right = sum(
        int((one.predict(x[i : i + 113, None])[:, 0].argmax(1) == y[i : i + 113]).sum())
        for i in range(0, len(x), 113)
    )
    return len(x) - right, len(x)


def main() -> None:
    """Print a line for each net."""
    torch.set_num_threads(1)
    for depth, (_, published) in FILES.items():
        wrong, images = errors(Path(os.environ["CNNLAB_DATA"]), depth)
        say(f"ResNet-{depth}: {wrong} of {images}, {100 * wrong / images:.2f} %; published {published:.2f} %")


if __name__ == "__main__":
    main()
