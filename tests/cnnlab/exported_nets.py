"""Nets of every model with made-up weights, as a row of an array and as files that need torch alone."""

import plain_nets
import torch

from cnnlab import resolve
from cnnlab.batching.on_device import Part
from cnnlab.config import row_numbers
from cnnlab.engine import net as nets
from cnnlab.layer import Context, Mode
from cnnlab.model_file import TrainedNet

SERIES = {"name": "waveforms"}
LARGE = {"name": "cifar10", "resize": 128}
# Every model, in each of its forms that has other layers.
NETS = {
    "alexnet": ({"name": "alexnet"}, "cifar10"),
    "alexnet in groups": ({"name": "alexnet", "groups": "two"}, LARGE),
    "cifar-resnet": ({"name": "cifar-resnet", "depth": 8}, "cifar10"),
    "cifar-resnet B": ({"name": "cifar-resnet", "depth": 8, "shortcut": "B"}, "fashion-mnist"),
    "cifar-resnet plain": ({"name": "cifar-resnet", "depth": 8, "residual": "no"}, "mnist"),
    "cnn": ({"name": "cnn"}, "cifar10"),
    "cnn with norm": ({"name": "cnn", "norm": "batch", "dropout": 0.3}, "fashion-mnist"),
    "googlenet": ({"name": "googlenet"}, "cifar10"),
    "googlenet large": ({"name": "googlenet", "auxiliary": "yes"}, LARGE),
    "lenet5": ({"name": "lenet5", "dropout": 0.5}, "mnist"),
    "lenet5 flipped": (
        {"name": "lenet5", "flip": "yes", "pooling": "min", "activation": {"name": "sigmoid", "beta": 3}},
        "mnist",
    ),
    "lenet5 sums": ({"name": "lenet5", "pooling": "sum", "norm": "batch"}, "mnist"),
    "lenet5 averages": (
        {"name": "lenet5", "pooling": "average", "dropout": 0.5, "dropout_scale": "predict"},
        "mnist",
    ),
    "lenet5-1998": ({"name": "lenet5-1998"}, "mnist"),
    "maxout": ({"name": "maxout"}, "mnist"),
    "maxout-conv": ({"name": "maxout-conv", "norm": "batch"}, "cifar10"),
    "mlp": ({"name": "mlp", "norm": "batch", "norm_statistics": "population"}, "mnist"),
    "resnet": ({"name": "resnet"}, "cifar10"),
    "resnet bottlenecks": ({"name": "resnet", "depth": 50, "shortcut": "B"}, "cifar10"),
    "tdnn": ({"name": "tdnn"}, SERIES),
    "tdnn subsample": ({"name": "tdnn", "pooling": "subsample"}, SERIES),
    "tdnn average": ({"name": "tdnn", "pooling": "average"}, SERIES),
    "wide-resnet": ({"name": "wide-resnet", "depth": 10, "widen": 2}, "cifar10"),
    "vgg": ({"name": "vgg"}, "cifar10"),
    "vgg full": ({"name": "vgg", "head": "full", "norm": "none"}, "cifar10"),
}
# Those of timm's own nets for tests, where it is installed: their files are those of modules.
OF_TIMM = {
    "timm resnet": ({"name": "timm", "architecture": "test_resnet"}, "cifar10"),
    "timm vit": ({"name": "timm", "architecture": "test_vit"}, {"name": "cifar10", "resize": 160}),
}
SLOW = {"alexnet in groups", "googlenet large", "resnet bottlenecks", "vgg full", "alexnet", "resnet"}
IMAGES = 3


class ExportedNet:
    """A net with made-up weights, of this list or a model's: images, scores of the array, and the net."""

    def __init__(self, name: str, precision: str = "float32") -> None:
        model, data = {**NETS, **OF_TIMM}.get(name, (name, "cifar10"))
        self.config = resolve({"model": model, "data": data, "train": {"precision": precision}})
        net = nets.build(self.config)
        dtype = torch.float64 if precision == "float64" else torch.float32
        theta, buffers = (each.to(dtype) for each in plain_nets.weights(net))
        channels, side = net.shape[0], self.config["data"]["resize"]
        mean, std = [0.2 + 0.1 * i for i in range(channels)], [0.3 + 0.1 * i for i in range(channels)]
        shape = (channels, 32, 32) if side else net.shape
        generator = torch.Generator().manual_seed(2)
        self.images = torch.randint(256, (IMAGES, *shape), generator=generator, dtype=torch.uint8)
        scale = 1 / (255 * torch.tensor(std, dtype=torch.float64))
        shift = torch.tensor(mean, dtype=torch.float64) / torch.tensor(std, dtype=torch.float64)
        part = Part(
            self.images.permute(0, 2, 3, 1).contiguous(),
            torch.zeros(IMAGES, dtype=torch.int64),
            scale.to(dtype),
            shift.to(dtype),
            side,
        )
        x, _ = part.batch(slice(0, IMAGES), 1)
        hypers = {path: torch.tensor([v], dtype=dtype) for path, v in row_numbers(self.config).items()}
        none = torch.zeros(1, dtype=torch.int32)
        context = Context(hypers, frozenset(), none, none, Mode.PREDICT)
        with torch.no_grad():
            self.scores = net.forward(theta, buffers, x, context)[:, 0]
        self.trained = TrainedNet(self.config, net.named(theta[0], buffers[0]), mean, std, ("a", 'b"'), name)
