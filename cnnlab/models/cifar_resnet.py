"""Residual networks for small images, and the same nets without their shortcuts."""

from collections.abc import Mapping
from functools import partial
from typing import Any, ClassVar

from cnnlab.errors import ConfigError
from cnnlab.hyper import Choice, EntryOf, Int
from cnnlab.layer import Layer
from cnnlab.layers.activate import Activate
from cnnlab.layers.global_average_pool import GlobalAveragePool
from cnnlab.layers.linear import Linear
from cnnlab.model import NORM_STATISTICS, Model
from cnnlab.registry import register
from cnnlab.residual_stage import Stages

PADDED_SIDE = 32


@register
class CifarResnet(Model):
    """A 3×3 convolution and three stages of n blocks with 16, 32, 64 maps: 6n + 2 layers with weights.

    A block: y = f(x′ + norm(conv 3×3(f(norm(conv 3×3(x)))))); the first of stages 2 and 3 has stride 2. Then
    the mean of each map and a linear layer. Depth 20, 32, 44, 56, 110, 1202 have 269,722, 464,154, 658,586,
    853,018, 1,727,962 and 19,421,274 parameters for colour and ten classes.
    x′ is x; where the shape changes, `shortcut: A` takes every second pixel and adds maps of zeros, all after
    the others (`padding: end`) or half on either side (`half`, as in the published weights); `B` is a 1×1
    convolution with batch normalization, 2,752 parameters more. `residual: no` leaves x′ out: the plain net,
    with as many parameters as A. Images under 32×32 get zeros around them. First weights are
    N(0, 2/fan-in), also in the linear layer; predictions normalize with `norm_statistics`.
    In the notes: the caption of the curves on CIFAR-10 calls thin lines training and bold ones validation,
    plain nets left and ResNets right. The picture is the paper's figure 6, where dashed lines are training
    error and bold ones test error; thin lines are in its figure 4, on ImageNet. Both kinds of net are built.
    Source: K. He et al., "Deep residual learning for image recognition" (2015), section 4.2; zeros on both
    sides: Y. Idelbayev, "Proper ResNet implementation for CIFAR10/CIFAR100 in PyTorch" (2018).
    """

    depth: ClassVar = Int(default=20, low=8, high=1202)
    residual: ClassVar = Choice(default="yes", options=("yes", "no"))
    shortcut: ClassVar = Choice(default="A", options=("A", "B"))
    padding: ClassVar = Choice(default="end", options=("end", "half"))
    norm_statistics: ClassVar = NORM_STATISTICS
    activation: ClassVar = EntryOf(kind="activations", default="relu")

    def layers(
        self, config: Mapping[str, Any], shape: tuple[int, int, int], classes: int
    ) -> dict[str, Layer]:
        """Return the chain; ConfigError at "model.depth" unless it is 6n + 2."""
        blocks, rest = divmod(config["depth"] - 2, 6)
        if rest:
            near = f"{6 * blocks + 2} or {6 * blocks + 8}"
            raise ConfigError("model.depth", f"must be 6n + 2, such as {near}, got {config['depth']}")
        channels, *sides = shape
        height, width = (max(0, PADDED_SIDE - side + 1) // 2 for side in sides)
        make = Stages(
            Activate(config["activation"]["name"], "model.activation"),
            config["norm_statistics"],
            config["residual"] == "yes",
            config["shortcut"],
            before=0.5 if config["padding"] == "half" else 0.0,
        )
        chain = make.convolution("1", channels, 16, 3, frame=(height, width)) | {"act1": make.act}
        inputs = 16
        for stage, maps in enumerate((16, 32, 64), 1):
            body, stride = partial(make.basic, maps), 1 if stage == 1 else 2
            chain |= make.stage(f"stage{stage}", blocks, inputs, maps, stride, body)
            inputs = maps
        return chain | {
            "pool": GlobalAveragePool(),
            "linear": Linear(inputs, classes, initializer="he-normal"),
        }
