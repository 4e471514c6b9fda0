"""Back-propagation by hand at the end of a network: errors, and the first deltas of the backward pass."""

import torch
from torch import Tensor

from cnnlab.by_hand.backprop import BackpropLoss


class HalfSquaredError(BackpropLoss):
    """Take half the squared distance of the output from the target.

    E = (1/N) Σ_n ½ Σ_j (a_j − t_j)²; ∇_a E = (a − t)/N, which BP1 multiplies by σ′(z^L): that is done by the
    activation before this, if there is one. The half makes the delta a plain difference; the catalog's
    square loss does not have it.
    Source: D. Rumelhart, G. Hinton and R. Williams, "Learning representations by back-propagating
    errors" (1986).
    """

    def forward(self, a: Tensor, target: Tensor) -> Tensor:
        """Return E of outputs and targets, both (N, J)."""
        return (a - target).square().sum(1).mean() / 2

    def backward(self, a: Tensor, target: Tensor) -> Tensor:
        """Return ∇_a E, (N, J)."""
        return (a - target) / len(a)


class SoftmaxCrossEntropy(BackpropLoss):
    """Take the negative logarithm of the probability of the right class; a are scores, softmax is included.

    E = −(1/N) Σ_n ln p_y, p = softmax(a); ∂E/∂a = (p − onehot(y))/N. It is softmax's Jacobian applied to
    ∂E/∂p = −onehot(y)/(N p_y), where p_y cancels: p_j (−1[j = y]/p_y + 1) = p_j − 1[j = y]. BP1's product has
    no term for the other classes: it would give them 0 and never push their scores down.
    Source: J. Bridle, "Probabilistic interpretation of feedforward classification network outputs" (1990).
    """

    def forward(self, a: Tensor, target: Tensor) -> Tensor:
        """Return E of scores (N, J) and classes int64 (N,); scores of any size are safe."""
        return -torch.log_softmax(a, 1).gather(1, target[:, None]).mean()

    def backward(self, a: Tensor, target: Tensor) -> Tensor:
        """Return δ^L = (p − onehot)/N, (N, J)."""
        classes = torch.arange(a.shape[1], device=a.device)
        onehot = (target[:, None] == classes).to(a.dtype)
        return (torch.softmax(a, 1) - onehot) / len(a)
