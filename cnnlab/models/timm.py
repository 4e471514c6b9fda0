"""Networks of timm by their name, untrained; needs the role `timm`."""

import sys
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from threading import Lock
from typing import Any, ClassVar

import torch
from torch import nn

from cnnlab.errors import ConfigError, nearest
from cnnlab.hyper import Number, Text
from cnnlab.layer import Layer
from cnnlab.own_model import OwnModel
from cnnlab.registry import register

# What torchvision declares shapes for as it is imported, although its compiled operations are not there.
DETECTION = ("nms", "qnms")
_importing = Lock()  # an API serves requests in several threads


def imported() -> Any:
    """Return timm, also where torchvision's compiled operations are for another device than torch's build.

    timm imports torchvision, and package indexes have one build of that, for CUDA. Beside a torch for the CPU
    its compiled operations are left out, and the import fails at the first of them. They serve detection, and
    no network of timm uses one. So their names are declared, without code: whoever calls them gets an error.
    """
    with _importing:
        try:
            return import_module("timm")
        except RuntimeError as error:
            if f"torchvision::{DETECTION[0]} does not exist" not in str(error):
                raise
        _declared()
        for name in [name for name in sys.modules if name.partition(".")[0] in ("timm", "torchvision")]:
            del sys.modules[name]  # a module that was half imported would not be imported again
        return import_module("timm")


@cache
def _declared() -> Any:
    """Declare the names of torchvision's operations, as long as what is returned lives."""
    untyped: Any = torch.library
    library = untyped.Library("torchvision", "FRAGMENT")
    for name in DETECTION:
        library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    return library


def create(architecture: str, drop_rate: float, *, shape: tuple[int, int, int], classes: int) -> nn.Module:
    """Return a network of timm, with its own first weights."""
    made: nn.Module = imported().create_model(
        architecture, pretrained=False, num_classes=classes, in_chans=shape[0], drop_rate=drop_rate
    )
    return made


@register
class Timm(OwnModel):
    """Train a network of timm, from first weights of its own; published weights are never loaded.

    `architecture` is its name there, such as resnet18; images must be as large as it takes them
    (`data.resize`). drop_rate is that of the dropout before its last layer, where it has one;
    every rate has an array of its own. `pip install "cnnlab[timm]"`, for the API and every worker.
    Source: R. Wightman, "PyTorch image models" (2019), https://github.com/huggingface/pytorch-image-models.
    """

    architecture: ClassVar = Text(
        default="resnet18", most=100, pattern="[a-z0-9_]+", words="a name of timm, without a tag of weights"
    )
    drop_rate: ClassVar = Number(default=0.0, low=0.0, high=0.9, row=False)
    function = staticmethod(create)

    def layers(
        self, config: Mapping[str, Any], shape: tuple[int, int, int], classes: int
    ) -> dict[str, Layer]:
        """Return the network as a net's only layer; ConfigError where timm is missing or has no such name."""
        if find_spec("timm") is None:
            raise ConfigError(
                "model.name",
                'timm is not installed: pip install "cnnlab[timm]", for the API and every worker',
            )
        try:
            timm = imported()
        except Exception as error:  # torchvision, which it imports, fails in different ways
            raise ConfigError(
                "model.name",
                f"timm cannot be imported: {error}; torchvision must be a build for the same kind of device "
                "as torch, from the same index",
            ) from error
        name = config["architecture"]
        if name not in (known := timm.list_models()):
            near = nearest(name, known)
            hint = f"; did you mean {' or '.join(near)}?" if near else ""
            raise ConfigError(
                "model.architecture", f"must be one of the {len(known):,} names of timm, got {name}{hint}"
            )
        return super().layers(config, shape, classes)
