"""Sum pooling: how much there is of a feature in each window."""

from torch import Tensor
from torch.nn.functional import avg_pool2d

from cnnlab.pooling import Pool2d
from cnnlab.registry import register


@register
class SumPool2d(Pool2d):
    """Add up each k×k window.

    y[i, j] = Σ x[si … si+k−1, sj … sj+k−1], k² times the mean where a window is whole.
    Without a stride s the windows touch. A remainder at the edge is left out, or with `ceil` is a window of
    its own, cut at the edge; padding is 0.
    Source: Y. LeCun et al., "Gradient-based learning applied to document recognition" (1998), section II.
    """

    def pool(self, maps: Tensor) -> Tensor:
        """Return the sum of each window."""
        return avg_pool2d(maps, self.kernel, self.stride, self.padding, self.ceil, divisor_override=1)
