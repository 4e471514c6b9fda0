"""A net of one trial as a module of torch that can be trained, as one would write it by hand."""

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from cnnlab import rng
from cnnlab.config import row_numbers
from cnnlab.engine.net import Net
from cnnlab.layer import Layer
from cnnlab.layers.activate import Activate
from cnnlab.layers.auxiliary import Auxiliary
from cnnlab.layers.max_pool1d import MaxPool1d
from cnnlab.layers.max_pool2d import MaxPool2d
from cnnlab.layers.min_pool2d import MinPool2d
from cnnlab.own.module_layer import ModuleLayer
from cnnlab.plain_code import PlainCode, TrainedLayer
from cnnlab.plain_modules import UnscaledDropout

EXTREMES = (MaxPool1d, MaxPool2d, MinPool2d)


class WithHead(nn.Module):
    """Pass the input on, and keep the scores that a second classifier finds in it for the loss."""

    def __init__(self, head: nn.Module, weight: float) -> None:
        super().__init__()
        self.head, self.weight = head, weight
        self.scores = torch.zeros(0)

    def forward(self, x: Tensor) -> Tensor:
        """Return x itself."""
        self.scores = self.head(x)
        return x


def plain_net(net: Net, config: Mapping[str, Any], seed: int, dtype: torch.dtype) -> nn.Module:
    """Return the net of a resolved config as a module in training, on the CPU, with a trial's first weights.

    A module of one's own is itself. Of others each layer is what its `to_torch` says, in the order of
    tutorials: an activation stands before max and min pooling, where `Lenet5` and others pool first. The
    result is the same, as they do so only where the activation is monotone. Dropout at a rate of 0 is left
    out. CnnlabError, with its name, where a layer has no plain form.
    """
    numbers, layers = row_numbers(config), list(net.layers.values())
    if len(layers) == 1 and isinstance(layers[0], ModuleLayer):
        return layers[0].module(numbers).to(dtype).train()
    rows = torch.tensor([rng.fold(seed)], dtype=torch.int32)
    weights = net.named(net.start(rows)[0], net.start_buffers(1, rows)[0])
    codes = net.chain.plain_parts(TrainedLayer(net.shape, weights, numbers))
    parts: list[tuple[Layer, nn.Module]] = []
    for (name, layer), shape in zip(net.layers.items(), net.chain.shapes(net.shape), strict=False):
        if isinstance(layer, Auxiliary):
            names = [each.name for each in layer.parameters] + [each.name for each in layer.buffers]
            own = {each: weights[f"{name}.{each}"] for each in names}
            head = _made(layer.head.to_torch(TrainedLayer(shape, own, numbers)), dtype)
            parts.append((layer, WithHead(head, numbers[layer.path])))
        else:
            parts.append((layer, _made(codes[name], dtype)))
    return nn.Sequential(*filter(_does_something, _as_in_tutorials(parts))).train()


def _as_in_tutorials(parts: list[tuple[Layer, nn.Module]]) -> list[nn.Module]:
    """Return the modules with activations before the pooling that stands directly in front of them."""
    for at in range(1, len(parts)):
        if isinstance(parts[at][0], Activate) and isinstance(parts[at - 1][0], EXTREMES):
            parts[at - 1], parts[at] = parts[at], parts[at - 1]
    return [module for _, module in parts]


def _does_something(module: nn.Module) -> bool:
    """Return whether one would write the module: not the identity, nor dropout at a rate of 0."""
    drops_nothing = isinstance(module, nn.Dropout | UnscaledDropout) and module.p == 0
    return not (drops_nothing or isinstance(module, nn.Identity))


def _made(code: PlainCode, dtype: torch.dtype) -> nn.Module:
    names = {"nn": nn, "OrderedDict": OrderedDict} | {kind.__name__: kind for kind in code.classes}
    module: nn.Module = eval(code.expression, names)  # noqa: S307  made by layers
    module.to(dtype).load_state_dict(code.state)
    return module
