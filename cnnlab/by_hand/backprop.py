"""Back-propagation by hand: four equations and a loop of two phases, for reading, and to check autograd.

One network, no rows, no autograd. Neuron j of layer l has z_j^l = Σ_k w_jk^l a_k^{l−1} + b_j^l and
a_j^l = σ(z_j^l). E is the mean error of a batch, δ^l = ∂E/∂z^l, and ⊙ multiplies elementwise:

    BP1  δ^L = ∇_a E ⊙ σ′(z^L)                       at the output
    BP2  δ^l = ((W^{l+1})ᵀ δ^{l+1}) ⊙ σ′(z^l)        from a layer to the one before
    BP3  ∂E/∂b_j^l = δ_j^l                           summed over the batch
    BP4  ∂E/∂w_jk^l = a_k^{l−1} δ_j^l                summed over the batch

Weighted sums and activations are layers of their own here, so each factor has one place: ∇_a E is a loss's
`backward` (by_hand/losses.py), ⊙ σ′ an activation's (by_hand/activations.py), Wᵀδ, BP3 and BP4 a dense
layer's (by_hand/layers.py). Convolution and pooling (by_hand/maps.py) and batch normalization answer the same
question, the derivatives of E by their input and their parameters, so the loop does not depend on the kinds
of layers.

In the notes: BP1 prints ∂z^l where z^L is meant, and BP2 to BP4 are promised but never given; all four are
here. BP1's product needs a σ that works on each number independently. Softmax does not, so `Softmax` has its
whole Jacobian and `SoftmaxCrossEntropy` the short form p − onehot. Delta is called "the difference between
the target and actual output values" of all neurons. That holds at the output if loss and activation match:
half the squared error after a linear output, or cross-entropy after softmax or sigmoid. Squared error after a
sigmoid has one more factor, and no hidden delta is such a difference. And the sign must be actual − target,
because the loop subtracts the gradient: with the other sign it would climb.

Source: D. Rumelhart, G. Hinton and R. Williams, "Learning representations by back-propagating errors" (1986);
M. Nielsen, "Neural networks and deep learning" (2015), chapter 2, for the names BP1 to BP4.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace

from torch import Tensor

Gradients = dict[str, Tensor]  # ∂E/∂parameter by the name of the layer's field


@dataclass(frozen=True, eq=False)
class BackpropLayer(ABC):
    """A layer of one network: forward and backward pass; its parameters are fields.

    A layer has no state: the loop keeps every layer's input and passes it to `backward`.
    """

    @abstractmethod
    def forward(self, a: Tensor) -> Tensor:
        """Return the output for the input a, (N, K) or (N, C, H, W)."""

    @abstractmethod
    def backward(self, a: Tensor, delta: Tensor) -> tuple[Tensor, Gradients]:
        """Return ∂E/∂a and ∂E/∂parameters, for the input a and delta = ∂E/∂output."""


class BackpropLoss(ABC):
    """The error E at the end of a network, a mean over the images, and the first delta."""

    @abstractmethod
    def forward(self, a: Tensor, target: Tensor) -> Tensor:
        """Return E, a number, for the network's output a, (N, J)."""

    @abstractmethod
    def backward(self, a: Tensor, target: Tensor) -> Tensor:
        """Return ∂E/∂a, (N, J); the mean's 1/N is in it, so gradients are plain sums over the batch."""


@dataclass(frozen=True, eq=False)
class Propagation:
    """The result of phase 1: activations[0] is the batch, activations[i] the output of the i-th layer.

    deltas[i] = ∂E/∂activations[i], which is δ^l where that is the z^l of a layer of weights; gradients[i] are
    those of the layer that makes activations[i + 1].
    """

    loss: Tensor  # ()
    activations: list[Tensor]  # layers + 1
    deltas: list[Tensor]  # layers + 1
    gradients: list[Gradients]  # layers


def forward(layers: Sequence[BackpropLayer], x: Tensor) -> list[Tensor]:
    """Return the batch and every layer's output: all that the backward pass needs."""
    activations = [x]
    for layer in layers:
        activations.append(layer.forward(activations[-1]))
    return activations


def backward(
    layers: Sequence[BackpropLayer], activations: Sequence[Tensor], delta: Tensor
) -> tuple[list[Tensor], list[Gradients]]:
    """Return deltas and gradients in the layers' order, from delta = ∂E/∂activations[−1]."""
    deltas, gradients = [delta], []
    for layer, a in zip(reversed(layers), reversed(activations[:-1]), strict=True):
        before, own = layer.backward(a, deltas[-1])
        deltas.append(before)
        gradients.append(own)
    return deltas[::-1], gradients[::-1]


def propagate(layers: Sequence[BackpropLayer], loss: BackpropLoss, x: Tensor, target: Tensor) -> Propagation:
    """Run phase 1 of the loop: forward for the activations, backward for deltas and gradients."""
    activations = forward(layers, x)
    output = activations[-1]
    deltas, gradients = backward(layers, activations, loss.backward(output, target))
    return Propagation(loss.forward(output, target), activations, deltas, gradients)


def update(
    layers: Sequence[BackpropLayer], gradients: Sequence[Gradients], rate: float
) -> list[BackpropLayer]:
    """Run phase 2 of the loop and return the updated layers: θ ← θ − γ ∂E/∂θ."""
    return [
        replace(layer, **{name: getattr(layer, name) - rate * slope for name, slope in own.items()})
        for layer, own in zip(layers, gradients, strict=True)
    ]
