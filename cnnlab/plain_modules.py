"""Modules for what torch itself does not have: their source goes into files that need nothing else."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional


class PixelNormalization(nn.Module):
    """Pixels v of 0 … 255 as (v/255 − mean)/std, by channel."""

    scale: Tensor
    shift: Tensor

    def __init__(self, mean: Sequence[float], std: Sequence[float]) -> None:
        super().__init__()
        means, stds = torch.tensor(mean), torch.tensor(std)
        self.register_buffer("scale", (1 / (255 * stds)).view(-1, 1, 1))
        self.register_buffer("shift", (means / stds).view(-1, 1, 1))

    def forward(self, pixels: Tensor) -> Tensor:
        return pixels * self.scale - self.shift


class ShortcutSum(nn.Module):
    """A residual block: body(x) + shortcut(x)."""

    def __init__(self, body: nn.Module, shortcut: nn.Module) -> None:
        super().__init__()
        self.body, self.shortcut = body, shortcut

    def forward(self, x: Tensor) -> Tensor:
        sum_: Tensor = self.body(x) + self.shortcut(x)
        return sum_


class SideBySide(nn.Module):
    """Branches with one input; their output maps are concatenated."""

    def __init__(self, **branches: nn.Module) -> None:
        super().__init__()
        self.branches = nn.ModuleDict(branches)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([branch(x) for branch in self.branches.values()], 1)


class TableConv2d(nn.Conv2d):
    """A convolution whose output maps see only the input maps that a table lists for each."""

    linked: Tensor

    def __init__(
        self,
        inputs: int,
        kernel: int,
        *,
        table: Sequence[Sequence[int]],
        stride: int = 1,
        padding: int | tuple[int, int] = 0,
        bias: bool = True,
    ) -> None:
        super().__init__(inputs, len(table), kernel, stride, padding, bias=bias)
        linked = torch.zeros(len(table), inputs, 1, 1)
        for output, maps in enumerate(table):
            linked[output, list(maps)] = 1
        self.register_buffer("linked", linked, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        weight = self.weight * self.linked
        return functional.conv2d(x, weight, self.bias, self.stride, self.padding)


class MinPool2d(nn.MaxPool2d):
    """The smallest number of each window."""

    def forward(self, x: Tensor) -> Tensor:
        largest: Tensor = super().forward(-x)
        return -largest


class WindowSum(nn.Module):
    """The sum of each window of an image with zeros around it: left, right, above and below."""

    def __init__(self, kernel: int, stride: int, zeros: tuple[int, int, int, int]) -> None:
        super().__init__()
        self.kernel, self.stride, self.zeros = kernel, stride, zeros

    def forward(self, x: Tensor) -> Tensor:
        framed = functional.pad(x, self.zeros)
        return self.kernel**2 * functional.avg_pool2d(framed, self.kernel, self.stride)


class LargestPiece(nn.Module):
    """Maxout: the largest of each `pieces` neighbouring features or maps."""

    def __init__(self, pieces: int) -> None:
        super().__init__()
        self.pieces = pieces

    def forward(self, x: Tensor) -> Tensor:
        return torch.unflatten(x, 1, (-1, self.pieces)).amax(2)


class ZeroMaps(nn.Module):
    """Every `stride`-th row and column, with maps of zeros before and after."""

    def __init__(self, before: int, after: int, stride: int) -> None:
        super().__init__()
        self.before, self.after, self.stride = before, after, stride

    def forward(self, x: Tensor) -> Tensor:
        kept = x[:, :, :: self.stride, :: self.stride]
        return functional.pad(kept, (0, 0, 0, 0, self.before, self.after))


class Subsampling(nn.Module):
    """LeNet's subsampling: the sum of each window, times a coefficient of its map, plus a bias."""

    def __init__(self, maps: int, kernel: tuple[int, int]) -> None:
        super().__init__()
        self.kernel = kernel
        self.coefficient = nn.Parameter(torch.ones(maps))
        self.bias = nn.Parameter(torch.zeros(maps))

    def forward(self, x: Tensor) -> Tensor:
        maps = x if x.dim() == 4 else x.unsqueeze(2)  # a series is an image one pixel high
        high, wide = self.kernel
        sums = high * wide * functional.avg_pool2d(maps, self.kernel)
        y = self.coefficient[:, None, None] * sums + self.bias[:, None, None]
        return y if x.dim() == 4 else y.squeeze(2)


class CodeDistances(nn.Module):
    """Radial basis functions: minus the squared distance of the features from the code of each class."""

    codes: Tensor

    def __init__(self, classes: int, features: int) -> None:
        super().__init__()
        self.register_buffer("codes", torch.zeros(classes, features))

    def forward(self, x: Tensor) -> Tensor:
        return -(x[:, None] - self.codes).square().sum(2)


class UnscaledDropout(nn.Module):
    """Dropout in its original form: units are dropped in training and scaled by 1 − p afterwards."""

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p

    def forward(self, x: Tensor) -> Tensor:
        return x * (torch.rand_like(x) >= self.p) if self.training else x * (1 - self.p)


class SlopedSigmoid(nn.Module):
    """1 / (1 + e^(−beta·x))."""

    def __init__(self, beta: float) -> None:
        super().__init__()
        self.beta = beta

    def forward(self, x: Tensor) -> Tensor:
        return (self.beta * x).sigmoid()


class ScaledTanh(nn.Module):
    """height · tanh(slope · x)."""

    def __init__(self, height: float, slope: float) -> None:
        super().__init__()
        self.height, self.slope = height, slope

    def forward(self, x: Tensor) -> Tensor:
        return self.height * (self.slope * x).tanh()


class SignStep(nn.Module):
    """1 where x ≥ 0, else −1."""

    def forward(self, x: Tensor) -> Tensor:
        return 2 * (x >= 0).to(x.dtype) - 1
