"""Radial basis functions: an image is of the class whose drawing its features look like."""

from collections.abc import Sequence

import torch
from torch import Tensor

from cnnlab.errors import ConfigError
from cnnlab.layer import Context, Layer, Shape
from cnnlab.plain_code import PlainCode, TrainedLayer, module
from cnnlab.plain_modules import CodeDistances
from cnnlab.registry import register

# Ten digits of 7×12 points, side by side; a point with ink is +1, one without −1.
DRAWING = """
....... ....... ....... ####### ....... ####### ...###. ....... .#####. .#####.
..###.. ...##.. .#####. .....## .##.... #...... ..##... ####### ##...## ##...##
.#...#. ..###.. ##...## ....##. .#..... #...... .##.... #....## #.....# #....##
#.....# .####.. .....## ...##.. ##...## #...... ##..... .....## #.....# #....##
#.....# ...##.. .....## ..####. ##...## ######. ##..... ....##. .##.##. ##..###
#.....# ...##.. ....##. .....## ##...## .....## ##.###. ....##. ..###.. .###.##
#.....# ...##.. ...##.. ......# .###### ......# ###..## ..##### .##.##. .....##
#.....# ...##.. ..##... ......# .....## ......# ##....# ...##.. #.....# .....##
#.....# ...##.. .##.... ......# .....## ......# ##....# ..##... #.....# ....##.
.#...#. ...##.. ##..... #....## .....## ##...## ##....# ..##... #.....# ...##..
..###.. .###### ####### .#####. .....## .####.. .##..## ..##... ##...## .###...
....... ....... ....... ....... .....## ....... ..####. ....... .#####. .......
"""


@register
class Rbf(Layer):
    """Compare 84 features with a fixed drawing of each digit: minus the squared distance is the score.

    y[i] = −Σ_j (x[j] − code[i, j])², code[i, j] = ±1; the paper's output is the distance, without the minus.
    No parameters: the codes are not trained. They are 7×12 bitmaps as in the paper, but redrawn,
    because the paper only has a picture; any two digits differ in at least 13 of 84 points. At most ten
    classes.
    Source: Y. LeCun et al., "Gradient-based learning applied to document recognition" (1998), equation 7 and
    figure 3.
    """

    def __init__(self, classes: int = 10) -> None:
        lines = [line.split() for line in DRAWING.strip().splitlines()]
        if not 1 <= classes <= len(lines[0]):
            raise ConfigError("model", f"rbf has drawings of 1 to {len(lines[0])} classes, got {classes}")
        digits = ["".join(line[i] for line in lines) for i in range(classes)]
        self.codes = torch.tensor([[1.0 if point == "#" else -1.0 for point in digit] for digit in digits])

    @classmethod
    def example(cls) -> tuple[Layer, Shape]:
        """Return a small one."""
        return cls(4), (84,)

    def output(self, shape: Shape) -> Shape:
        """Return (classes,); ConfigError unless there are 84 features."""
        if shape != self.codes.shape[1:]:
            raise ConfigError(
                "model",
                f"rbf needs {self.codes.shape[1]} features, one for each point of a drawing, got {shape}",
            )
        return (len(self.codes),)

    def multiply_adds(self, shape: Shape) -> int:
        """Return 84 × classes: one square for each point of a code."""
        return self.codes.numel()

    def connections(self, shape: Shape) -> int:
        """Return 84 × classes: 840 for ten."""
        return self.codes.numel()

    def forward(self, x: Tensor, p: Sequence[Tensor], b: Sequence[Tensor], context: Context) -> Tensor:
        """Return (N, K, classes), none of them positive."""
        place, kind = x.device, x.dtype
        codes = context.keep((self, "codes"), lambda _: self.codes.to(place, kind))
        return -(x[..., None, :] - codes).square().sum(-1)

    def to_torch(self, trained: TrainedLayer) -> PlainCode:
        """Return a module of its own, which has the codes among its weights."""
        return PlainCode(module(CodeDistances, *self.codes.shape), {"codes": self.codes}, (CodeDistances,))
