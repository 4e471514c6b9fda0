"""LeNet-5 as published in 1998: trained subsampling, a connection table, and drawings as outputs."""

from collections.abc import Mapping
from typing import Any

from cnnlab.errors import ConfigError
from cnnlab.layer import Layer
from cnnlab.layers.activate import Activate
from cnnlab.layers.connected_conv2d import ConnectedConv2d
from cnnlab.layers.conv2d import Conv2d
from cnnlab.layers.flatten import Flatten
from cnnlab.layers.linear import Linear
from cnnlab.layers.rbf import Rbf
from cnnlab.layers.subsample import Subsample
from cnnlab.model import Model
from cnnlab.registry import register

MIN_SIDE, PADDED_SIDE, MAX_SIDE = 28, 32, 35
START = "reciprocal-uniform"
THREE = [[i, (i + 1) % 6, (i + 2) % 6] for i in range(6)]
FOUR = [[i, (i + 1) % 6, (i + 2) % 6, (i + 3) % 6] for i in range(6)]
APART = [[0, 1, 3, 4], [1, 2, 4, 5], [0, 2, 3, 5]]
TABLE = [sorted(maps) for maps in (*THREE, *FOUR, *APART, list(range(6)))]  # the paper's table I: 60 links


@register
class Lenet51998(Model):
    """Convolve to 6 maps, subsample, to 16, subsample, to 120; then 84 features and ten drawings of digits.

    C1 156 parameters and 122,304 links, S2 12 and 5,880, C3 1,516 and 151,600, S4 32 and 2,000, C5 48,120 and
    as many, F6 10,164 and as many, RBF 840 links: 60,000 parameters and 340,908 links for a grey image.
    1.7159·tanh(2x/3) follows all layers but RBF.
    Scores are minus distances; loss maximum-a-posteriori is the paper's. Weights start in U(±2.4/fan-in).
    Unlike in 1998, pixels have mean 0 and deviation 1 instead of black −0.1 and white 1.175, a 28×28 image is
    padded with zeros, the codes are redrawn, and any optimizer can train it.
    Images of 28×28 to 35×35, at most ten classes.
    In the notes: LeNet-5 has about 187,000 connections and 14,000 trainable weights. The paper's net has
    340,908 and 60,000, layer by layer as above; the pair matches no LeNet whose counts are known. Built is
    the paper's net, which the notes also draw.
    Source: Y. LeCun et al., "Gradient-based learning applied to document recognition" (1998), section II.B.
    """

    def layers(
        self, config: Mapping[str, Any], shape: tuple[int, int, int], classes: int
    ) -> dict[str, Layer]:
        """Return the chain; ConfigError for other sizes, and for more than ten classes."""
        channels, height, width = shape
        if min(height, width) < MIN_SIDE or max(height, width) > MAX_SIDE:
            raise ConfigError(
                "model",
                f"lenet5-1998 needs images of {MIN_SIDE}×{MIN_SIDE} to {MAX_SIDE}×{MAX_SIDE}, "
                f"got {height}×{width}",
            )
        if classes < 2:
            raise ConfigError("model", f"lenet5-1998 has drawings of 2 to 10 classes, got {classes}")
        padding = (2 if height < PADDED_SIDE else 0, 2 if width < PADDED_SIDE else 0)
        squash = Activate("squash", "model.squash")
        return {
            "c1": Conv2d(channels, 6, 5, padding, initializer=START), "squash1": squash,
            "s2": Subsample(6, 2, START), "squash2": squash,
            "c3": ConnectedConv2d(6, 16, 5, table=TABLE, initializer=START), "squash3": squash,
            "s4": Subsample(16, 2, START), "squash4": squash,
            "c5": Conv2d(16, 120, 5, initializer=START), "squash5": squash,
            "flatten": Flatten(),
            "f6": Linear(120, 84, initializer=START), "squash6": squash,
            "rbf": Rbf(classes),
        }  # fmt: skip
