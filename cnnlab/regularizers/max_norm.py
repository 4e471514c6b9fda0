"""Max-norm: a bound on the length of each unit's incoming weights."""

from collections.abc import Sequence
from math import prod

from torch import Tensor
from torch.linalg import vector_norm

from cnnlab.layer import Parameter
from cnnlab.registry import register
from cnnlab.regularizer import Regularizer


@register
class MaxNorm(Regularizer):
    """Shorten a unit's vector of incoming weights to length c where a step has made it longer.

    w_u ← w_u · min(1, c/‖w_u‖₂) for each unit u (neuron, feature map, piece of a maxout unit); c is
    the strength, and 0 is no bound. The bias is not part of the vector; with `scope: all` each bias, scale
    and shift is a vector of its own, |b| ≤ c.
    Source: N. Srivastava et al., "Dropout: a simple way to prevent neural networks from overfitting"
    (2014), section 5.1; c from 3 to 4 there.
    """

    def after(self, w: Tensor, strength: Tensor, lr: Tensor, table: Sequence[Parameter]) -> None:
        """Scale the columns of each parameter, unit by unit."""
        for parameter in table:
            own = slice(parameter.offset, parameter.offset + prod(parameter.shape))
            units = w[:, own].view(-1, *parameter.shape)
            bound = strength[:, own].view(-1, *parameter.shape)
            into = [axis + 1 for axis in range(len(parameter.shape)) if axis != parameter.unit_axis]
            length = vector_norm(units, dim=into, keepdim=True) if into else units.abs()
            units.mul_((bound / length).clamp(max=1).where(bound > 0, 1))
