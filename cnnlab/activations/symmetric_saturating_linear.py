"""Symmetric saturating linear: a tangent sigmoid of three straight pieces, from −1 to 1."""

from collections.abc import Mapping

from torch import Tensor

from cnnlab.activation import Activation
from cnnlab.plain_code import PlainCode
from cnnlab.registry import register


@register
class SymmetricSaturatingLinear(Activation):
    """Cut to [−1, 1].

    f(x) = −1 for x < −1, x for −1 ≤ x ≤ 1, 1 for x > 1; f′ = 1 on the closed interval, else 0 (torch's
    hardtanh has 0 at both ends).
    In the notes: given without a name, and without a derivative at its corners; here that is 1.
    Source: H. Demuth and M. Beale, "Neural Network Toolbox" (1992), where it is called satlins.
    """

    def value(self, x: Tensor, h: Mapping[str, Tensor]) -> Tensor:
        """Return min(max(x, −1), 1)."""
        return x.clamp(-1, 1)

    def to_torch(self, h: Mapping[str, float]) -> PlainCode:
        """Return nn.Hardtanh."""
        return PlainCode("nn.Hardtanh()")
