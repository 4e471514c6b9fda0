"""Back-propagation by hand through activations: the factor σ′(z) of BP1 and BP2, and softmax without one."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from cnnlab.by_hand.backprop import BackpropLayer, Gradients

HEIGHT = 1.7159  # of LeNet-5's squash


@dataclass(frozen=True, eq=False)
class Activation(BackpropLayer):
    """Apply a function to each number independently.

    a = σ(z); δ ← δ ⊙ σ′(z), the last factor of BP1 and of BP2. A product suffices because a_j depends
    only on z_j, so that the Jacobian is diagonal.
    Source: M. Nielsen, "Neural networks and deep learning" (2015), chapter 2.
    """

    value: Callable[[Tensor], Tensor]
    slope: Callable[[Tensor], Tensor]

    def forward(self, a: Tensor) -> Tensor:
        """Return σ of the weighted inputs a, shaped as they are."""
        return self.value(a)

    def backward(self, a: Tensor, delta: Tensor) -> tuple[Tensor, Gradients]:
        """Return δ ⊙ σ′ at the weighted inputs a."""
        return delta * self.slope(a), {}


def sigmoid(beta: float = 1.0) -> Activation:
    """Make the logistic curve: σ(z) = 1/(1 + e^(−βz)), σ′ = β σ (1 − σ).

    The slope is computed as β q/(1 + q)², q = e^(−|βz|): the same without the difference 1 − σ, which
    loses all digits for large z.
    Source: Y. LeCun et al., "Gradient-based learning applied to document recognition" (1998), appendix A.
    """

    def slope(z: Tensor) -> Tensor:
        q = torch.exp(-(beta * z).abs())
        return beta * q / (1 + q).square()

    return Activation(lambda z: torch.sigmoid(beta * z), slope)


def tangent_sigmoid(b: float = 1.0) -> Activation:
    """Make the odd sigmoid: σ(z) = (1 − e^(−bz))/(1 + e^(−bz)) = tanh(bz/2), σ′ = (b/2)(1 − σ²).

    The slope is the equal (b/2)/cosh²(bz/2), whose digits survive where σ is nearly 1.
    Source: Y. LeCun et al., "Gradient-based learning applied to document recognition" (1998), appendix A.
    """
    return Activation(lambda z: torch.tanh(b * z / 2), lambda z: b / 2 / torch.cosh(b * z / 2).square())


def relu() -> Activation:
    """Make the rectifier: σ(z) = max(0, z), σ′ = 0 for z < 0, 1 for z ≥ 0; torch's relu has 0 at 0.

    Source: V. Nair and G. Hinton, "Rectified linear units improve restricted Boltzmann machines" (2010).
    """
    return Activation(lambda z: z.clamp(min=0), lambda z: (z >= 0).to(z.dtype))


def linear() -> Activation:
    """Make the identity: σ(z) = z, σ′ = 1.

    Source: B. Widrow and M. Hoff, "Adaptive switching circuits" (1960).
    """
    return Activation(lambda z: z, torch.ones_like)


def softplus() -> Activation:
    """Make the smooth rectifier: σ(z) = ln(1 + e^z) = max(z, 0) + ln(1 + e^(−|z|)), σ′ = 1/(1 + e^(−z)).

    Source: C. Dugas et al., "Incorporating second-order functional knowledge" (2001).
    """
    return Activation(lambda z: z.clamp(min=0) + torch.log1p(torch.exp(-z.abs())), torch.sigmoid)


def squash() -> Activation:
    """Make LeNet-5's tanh: σ(z) = A tanh(2z/3), A = 1.7159, σ′ = (2/3) A (1 − tanh²(2z/3)).

    Source: Y. LeCun et al., "Gradient-based learning applied to document recognition" (1998), appendix A.
    """
    return Activation(
        lambda z: HEIGHT * torch.tanh(z * (2 / 3)),
        lambda z: HEIGHT * (2 / 3) / torch.cosh(z * (2 / 3)).square(),
    )


@dataclass(frozen=True, eq=False)
class Softmax(BackpropLayer):
    """Turn scores into probabilities.

    p_i = e^(z_i)/Σ_j e^(z_j); ∂p_i/∂z_j = p_i (1[i = j] − p_j). Every p depends on every z, so BP1's product,
    which has only the diagonal p_j (1 − p_j), is wrong here, and a sum over the outputs replaces it:
    ∂E/∂z_j = Σ_i ∂E/∂p_i ∂p_i/∂z_j = p_j (∂E/∂p_j − Σ_i p_i ∂E/∂p_i).
    Source: J. Bridle, "Probabilistic interpretation of feedforward classification network outputs" (1990).
    """

    def forward(self, a: Tensor) -> Tensor:
        """Return p, (N, J), of scores a; the largest is subtracted first, so that any size is safe."""
        return torch.softmax(a, 1)

    def backward(self, a: Tensor, delta: Tensor) -> tuple[Tensor, Gradients]:
        """Return ∂E/∂z for delta = ∂E/∂p, both (N, J)."""
        p = torch.softmax(a, 1)
        return p * (delta - (p * delta).sum(1, keepdim=True)), {}
