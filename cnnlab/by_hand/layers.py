"""Back-propagation by hand through layers of features: dense, flatten and batch normalization."""

from dataclasses import dataclass
from math import prod

import torch
from torch import Tensor

from cnnlab.by_hand.backprop import BackpropLayer, Gradients
from cnnlab.errors import CnnlabError


@dataclass(frozen=True, eq=False)
class Dense(BackpropLayer):
    """Compute weighted sums: every output depends on every input.

    z_j = Σ_k w_jk a_k + b_j
    Source: M. Nielsen, "Neural networks and deep learning" (2015), chapter 2.
    """

    weight: Tensor  # (J, K)
    bias: Tensor  # (J,)

    def forward(self, a: Tensor) -> Tensor:
        """Return z, (N, J), of a, (N, K)."""
        return a @ self.weight.T + self.bias

    def backward(self, a: Tensor, delta: Tensor) -> tuple[Tensor, Gradients]:
        """Return Wᵀδ, the first factor of BP2, and the gradients of BP3 and BP4, for δ (N, J)."""
        weight = delta.T @ a  # (J, K): BP4, a_k δ_j, summed over the batch
        bias = delta.sum(0)  # (J,): BP3, δ_j, summed over the batch
        return delta @ self.weight, {"weight": weight, "bias": bias}


@dataclass(frozen=True, eq=False)
class Flatten(BackpropLayer):
    """Concatenate the maps of an image.

    y[(c·H + h)·W + w] = x[c, h, w]; the backward pass puts each delta where its number came from.
    Source: torch.nn.Flatten, whose order this is.
    """

    def forward(self, a: Tensor) -> Tensor:
        """Return (N, C·H·W)."""
        return a.flatten(1)

    def backward(self, a: Tensor, delta: Tensor) -> tuple[Tensor, Gradients]:
        """Return the deltas in the shape of a."""
        return delta.view(a.shape), {}


@dataclass(frozen=True, eq=False)
class BatchNorm(BackpropLayer):
    """Normalize each feature over the batch (for maps over H and W too), then scale and shift it: training.

    x̂ = (x − μ)/s, s = √(σ² + ε), y = γ x̂ + β; μ and the biased σ² are means over the m numbers of a feature.
    Because μ and σ depend on every x, so does every y, and every delta depends on those of the whole batch:
    ∂E/∂x = (γ/s) (δ − mean δ − x̂ mean(δ x̂)); ∂E/∂γ = Σ δ x̂, ∂E/∂β = Σ δ. The first mean comes from μ,
    the second from σ. A feature with one number has no variance: CnnlabError.
    Source: S. Ioffe and C. Szegedy, "Batch normalization" (2015), section 3, its chain rule multiplied out.
    """

    weight: Tensor  # γ, (C,)
    bias: Tensor  # β, (C,)
    eps: float = 1e-5

    def forward(self, a: Tensor) -> Tensor:
        """Return y, shaped as a: (N, C) or (N, C, H, W)."""
        normal, _ = self._normalized(a)
        return _over(self.weight, a) * normal + _over(self.bias, a)

    def backward(self, a: Tensor, delta: Tensor) -> tuple[Tensor, Gradients]:
        """Return ∂E/∂a and the gradients of γ (weight) and β (bias)."""
        normal, deviation = self._normalized(a)
        axes = _axes(a)
        along = delta.mean(axes, keepdim=True)
        across = (delta * normal).mean(axes, keepdim=True)
        before = _over(self.weight, a) / deviation * (delta - along - normal * across)
        return before, {"weight": (delta * normal).sum(axes), "bias": delta.sum(axes)}

    def _normalized(self, a: Tensor) -> tuple[Tensor, Tensor]:
        """Return x̂ and s."""
        axes = _axes(a)
        if prod(a.shape[axis] for axis in axes) < 2:
            raise CnnlabError(
                "batch normalization needs at least two numbers per feature to train on, got one image of "
                f"shape {tuple(a.shape[1:])}; give it a batch of two"
            )
        centred = a - a.mean(axes, keepdim=True)
        deviation = torch.sqrt(centred.square().mean(axes, keepdim=True) + self.eps)
        return centred / deviation, deviation


def _axes(a: Tensor) -> tuple[int, ...]:
    """Return the axes along which the numbers of one feature lie: all but the second."""
    return (0, *range(2, a.dim()))


def _over(numbers: Tensor, a: Tensor) -> Tensor:
    """Give one number per feature the axes of a."""
    return numbers.view(-1, *(1,) * (a.dim() - 2))
