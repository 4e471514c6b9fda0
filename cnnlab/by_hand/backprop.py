"""Back-propagation by hand: four equations and a loop of two phases, to read and to check autograd by.

One network, no rows, no autograd. Neuron j of layer l has z_j^l = Σ_k w_jk^l a_k^{l−1} + b_j^l and
a_j^l = σ(z_j^l). E is the mean error of a batch, δ^l = ∂E/∂z^l, and ⊙ multiplies elementwise:

    BP1  δ^L = ∇_a E ⊙ σ′(z^L)                       at the output
    BP2  δ^l = ((W^{l+1})ᵀ δ^{l+1}) ⊙ σ′(z^l)        from a layer to the one before
    BP3  ∂E/∂b_j^l = δ_j^l                           summed over the batch
    BP4  ∂E/∂w_jk^l = a_k^{l−1} δ_j^l                summed over the batch

Weighted sums and activations are layers of their own here, so each factor has one place: ∇_a E is a loss's
`backward` (by_hand/losses.py), ⊙ σ′ an activation's (by_hand/activations.py), Wᵀδ, BP3 and BP4 a dense
layer's (by_hand/layers.py). Convolution and pooling (by_hand/maps.py) and batch normalization answer the same
question, what is E's derivative by your input and by your parameters, so the loop need not know which layer
it has.

In the notes: BP1 prints ∂z^l where z^L is meant, and BP2 to BP4 are promised and never given; here are all
four. BP1's product needs a σ that works on each number alone: softmax does not, so `Softmax` has its whole
Jacobian and `SoftmaxCrossEntropy` the short form p − onehot. Delta is called "the difference between the
target and actual output values" of all neurons: that is so at the output where loss and activation fit each
other, half the squared error behind a linear output or cross-entropy behind softmax or sigmoid; squared error
behind a sigmoid has one more factor, and no hidden delta is such a difference. And the sign must be
actual − target, because the loop subtracts the gradient: with the other it would climb.

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
    """A map of one network, and its way back; its parameters are fields.

    A layer remembers nothing: the loop keeps every layer's input and hands it in again on the way back.
    """

    @abstractmethod
    def forward(self, a: Tensor) -> Tensor:
        """Return the output for the input a, (N, K) or (N, C, H, W)."""

    @abstractmethod
    def backward(self, a: Tensor, delta: Tensor) -> tuple[Tensor, Gradients]:
        """Return ∂E/∂a and ∂E/∂parameters, for the input a and delta = ∂E/∂output."""


class BackpropLoss(ABC):
    """The error E at the end of a network, a mean over the images, and the first delta of the way back."""

    @abstractmethod
    def forward(self, a: Tensor, target: Tensor) -> Tensor:
        """Return E, a number, for the network's output a, (N, J)."""

    @abstractmethod
    def backward(self, a: Tensor, target: Tensor) -> Tensor:
        """Return ∂E/∂a, (N, J); the mean's 1/N is in it, so gradients are plain sums over the batch."""


@dataclass(frozen=True, eq=False)
class Propagation:
    """What phase 1 found: activations[0] is the batch, activations[i] the output of the i-th layer.

    deltas[i] = ∂E/∂activations[i], which is δ^l where that is the z^l of a layer of weights; gradients[i] are
    those of the layer that makes activations[i + 1].
    """

    loss: Tensor  # ()
    activations: list[Tensor]  # layers + 1
    deltas: list[Tensor]  # layers + 1
    gradients: list[Gradients]  # layers


def forward(layers: Sequence[BackpropLayer], x: Tensor) -> list[Tensor]:
    """Return the batch and every layer's output: all that the way back needs."""
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
    """Go through phase 1 of the loop: forward for the activations, backward for deltas and gradients."""
    activations = forward(layers, x)
    output = activations[-1]
    deltas, gradients = backward(layers, activations, loss.backward(output, target))
    return Propagation(loss.forward(output, target), activations, deltas, gradients)


def update(
    layers: Sequence[BackpropLayer], gradients: Sequence[Gradients], rate: float
) -> list[BackpropLayer]:
    """Go through phase 2 of the loop and return the layers that have learned: θ ← θ − γ ∂E/∂θ."""
    return [
        replace(layer, **{name: getattr(layer, name) - rate * slope for name, slope in own.items()})
        for layer, own in zip(layers, gradients, strict=True)
    ]
