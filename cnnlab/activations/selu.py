"""SELU: the ELU that keeps activations normalized by itself."""

from collections.abc import Mapping

from torch import Tensor
from torch.nn.functional import selu

from cnnlab.activation import Activation
from cnnlab.elementwise import evenly
from cnnlab.plain_code import PlainCode
from cnnlab.registry import register


@register
class Selu(Activation):
    """Scale an ELU so that mean 0 and variance 1 are kept from layer to layer.

    f(x) = λx for x > 0, λα(e^x − 1) for x ≤ 0; f′(x) = λ for x > 0, λα e^x for x ≤ 0, as torch has it at 0.
    λ = 1.0507009873554805, α = 1.6732632423543772, for weights of mean 0 and variance 1/fan-in, which
    `lecun-normal` has.
    Source: G. Klambauer et al., "Self-normalizing neural networks" (2017), equations 2 and 14.
    """

    def value(self, x: Tensor, h: Mapping[str, Tensor]) -> Tensor:
        """Return λx or λα(e^x − 1)."""
        return evenly(selu, x)

    def to_torch(self, h: Mapping[str, float]) -> PlainCode:
        """Return nn.SELU."""
        return PlainCode("nn.SELU()")
