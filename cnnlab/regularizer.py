"""What every regularizer is: a penalty in the objective, or a change of weights before or after a step."""

from collections.abc import Sequence
from typing import ClassVar

from torch import Tensor

from cnnlab.hyper import Choice, Number
from cnnlab.layer import Parameter


class Regularizer:
    """A file in regularizers/ holds one of these; its name is a field of a config's section `train`.

    A penalty defines value and gradient. A regularizer outside of the objective defines before or after,
    which get parameters w and the strength on each, both (K, P), and learning rates (K, 1). Where the
    strength is 0, they leave w unchanged to the last bit: it may belong to another row.
    `scope: weights` leaves out biases and the scale and shift of normalization, as is usual; `all` includes
    them, as textbooks have it.
    """

    strength: ClassVar = Number(default=0.0, low=0.0, high=1e3, log=True)
    scope: ClassVar = Choice(default="weights", options=("weights", "all"), row=True)

    def value(self, w: Tensor, strength: Tensor) -> Tensor:
        """Return the penalty of each row, (K,), from parameters and the strength on each, both (K, P)."""
        return w.new_zeros(()).expand(len(w))

    def gradient(self, w: Tensor, strength: Tensor) -> Tensor:
        """Return the derivative of the value by each parameter, (K, P)."""
        return w.new_zeros(()).expand_as(w)

    def add_gradient(self, to: Tensor, w: Tensor, strength: Tensor) -> None:
        """Add the derivative to a gradient, (K, P), in place: new memory costs more than the sum."""
        to.add_(self.gradient(w, strength))

    def before(self, w: Tensor, strength: Tensor, lr: Tensor) -> None:
        """Change w in place, after the gradient is evaluated and before the optimizer's step."""

    def after(self, w: Tensor, strength: Tensor, lr: Tensor, table: Sequence[Parameter]) -> None:
        """Change w in place, after the optimizer's step; the table maps columns to parameters."""
