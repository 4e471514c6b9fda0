"""Back-propagation by hand through layers of maps: convolution and pooling."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import pad

from cnnlab.by_hand.backprop import BackpropLayer, Gradients


def correlate(x: Tensor, kernel: Tensor, stride: int = 1) -> Tensor:
    """Slide kernels (O, I, k, k) over maps (N, I, H, W), without padding.

    y[n, o, i, j] = Σ_{m, u, v} x[n, m, si + u, sj + v] kernel[o, m, u, v]
    """
    windows = x.unfold(2, kernel.shape[2], stride).unfold(3, kernel.shape[3], stride)  # (N, I, H′, W′, k, k)
    return torch.einsum("nmijuv,omuv->noij", windows, kernel)


@dataclass(frozen=True, eq=False)
class Convolution(BackpropLayer):
    """Correlate all input maps with a filter each, for each output map.

    z[o] = b[o] + Σ_m a[m] ⋆ w[o, m], ⋆ being correlation in steps of `stride`, with `padding` zeros on each
    side. In the backward pass δ first gets stride − 1 zeros between neighbours: positions that the stride
    skipped have no error. Then
    BP2's first factor is a full correlation, δ padded by k − 1 on each side, with the kernel turned by 180°:
    a pixel with weight w[u, v] in one window has w[u + 1, v] in the window above it, so from the pixel's view
    the kernel runs backwards: ∂E/∂a[m] = Σ_o full(δ[o]) ⋆ turned(w[o, m]); BP3 is ∂E/∂b[o] = Σ δ[o] over all
    positions, which share one bias; BP4 is ∂E/∂w[o, m] = a[m] ⋆ δ[o], every position adds its a_k δ_j to the
    shared weight.
    Source: J. Bouvrie, "Notes on convolutional neural networks" (2006), section 3.
    """

    weight: Tensor  # (O, I, k, k)
    bias: Tensor  # (O,)
    stride: int = 1
    padding: int = 0

    def forward(self, a: Tensor) -> Tensor:
        """Return z, (N, O, H′, W′), of a, (N, I, H, W); H′ = ⌊(H + 2p − k)/s⌋ + 1."""
        return correlate(pad(a, (self.padding,) * 4), self.weight, self.stride) + self.bias[:, None, None]

    def backward(self, a: Tensor, delta: Tensor) -> tuple[Tensor, Gradients]:
        """Return ∂E/∂a and the gradients, for delta (N, O, H′, W′)."""
        high, wide = self.weight.shape[2:]
        padded = pad(a, (self.padding,) * 4)
        error = _spread(delta, self.stride)
        # This correlation sums over images instead of maps. If no window reaches the last rows or columns,
        # the result is larger than the kernel.
        weight = correlate(padded.transpose(0, 1), error.transpose(0, 1)).transpose(0, 1)[..., :high, :wide]
        turned = self.weight.flip(2, 3).transpose(0, 1)  # (I, O, k, k)
        full = correlate(pad(error, (wide - 1, wide - 1, high - 1, high - 1)), turned)
        before = torch.zeros_like(padded)
        before[..., : full.shape[2], : full.shape[3]] = full
        height, width = a.shape[2:]
        inside = before[..., self.padding : self.padding + height, self.padding : self.padding + width]
        return inside, {"weight": weight, "bias": delta.sum((0, 2, 3))}


def _spread(delta: Tensor, stride: int) -> Tensor:
    """Put stride − 1 zeros between neighbours."""
    images, maps, height, width = delta.shape
    spread = delta.new_zeros(images, maps, (height - 1) * stride + 1, (width - 1) * stride + 1)
    spread[..., ::stride, ::stride] = delta
    return spread


@dataclass(frozen=True, eq=False)
class Pooling(BackpropLayer):
    """Reduce each k×k window to one number, in which each number of the window has a share.

    y = Σ share · x over the window. Max gives the whole share to the first maximum, min to the first
    minimum, average 1/k² to each and sum 1 to each. With fixed shares y is linear in x, so the backward pass
    gives each number its share of the delta; where windows overlap, a number's shares add up.
    A remainder at the edge is left out and gets no delta.
    Source: J. Bouvrie, "Notes on convolutional neural networks" (2006), section 3; max: M. Riesenhuber and
    T. Poggio, "Hierarchical models of object recognition in cortex" (1999).
    """

    shares: Callable[[Tensor], Tensor]  # of windows (N, C, H′, W′, k²), shaped as they are
    kernel: int
    stride: int

    def forward(self, a: Tensor) -> Tensor:
        """Return y, (N, C, H′, W′), of a, (N, C, H, W)."""
        windows = self._windows(a)
        return (self.shares(windows) * windows).sum(-1)

    def backward(self, a: Tensor, delta: Tensor) -> tuple[Tensor, Gradients]:
        """Return each number's shares of the deltas (N, C, H′, W′) of its windows, shaped as a."""
        parts = self.shares(self._windows(a)) * delta[..., None]  # (N, C, H′, W′, k²)
        before = torch.zeros_like(a)
        height, width = ((size - 1) * self.stride + 1 for size in delta.shape[2:])
        for place in range(self.kernel**2):
            row, column = divmod(place, self.kernel)
            rows = slice(row, row + height, self.stride)
            columns = slice(column, column + width, self.stride)
            before[..., rows, columns] += parts[..., place]
        return before, {}

    def _windows(self, a: Tensor) -> Tensor:
        """Return the windows (N, C, H′, W′, k²), each row by row."""
        return a.unfold(2, self.kernel, self.stride).unfold(3, self.kernel, self.stride).flatten(4)


def max_pooling(kernel: int, stride: int | None = None) -> Pooling:
    """Make the pooling that keeps the largest; without a stride the windows touch."""
    return Pooling(lambda windows: _only(windows.argmax(-1), windows), kernel, stride or kernel)


def min_pooling(kernel: int, stride: int | None = None) -> Pooling:
    """Make the pooling that keeps the smallest; without a stride the windows touch."""
    return Pooling(lambda windows: _only(windows.argmin(-1), windows), kernel, stride or kernel)


def average_pooling(kernel: int, stride: int | None = None) -> Pooling:
    """Make the pooling that keeps the mean; without a stride the windows touch."""
    return Pooling(lambda windows: torch.full_like(windows, 1 / kernel**2), kernel, stride or kernel)


def sum_pooling(kernel: int, stride: int | None = None) -> Pooling:
    """Make the pooling that adds up; without a stride the windows touch."""
    return Pooling(torch.ones_like, kernel, stride or kernel)


def _only(place: Tensor, windows: Tensor) -> Tensor:
    """Return 1 at one position of each window and 0 elsewhere; argmax and argmin take the first of equals."""
    return torch.zeros_like(windows).scatter(-1, place[..., None], 1.0)
