"""Sum pooling: how much there is of a feature in each window."""

from torch import Tensor
from torch.nn.functional import avg_pool2d

from cnnlab.plain_code import PlainCode, TrainedLayer, module
from cnnlab.plain_modules import WindowSum
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

    def to_torch(self, trained: TrainedLayer) -> PlainCode:
        """Return a module of its own: exporters to ONNX leave out the divisor of nn.AvgPool2d."""
        _, *counts = self.output(trained.shape)
        frame: list[int] = []
        for size, count in zip(trained.shape[:0:-1], counts[::-1], strict=True):
            covered = (count - 1) * self.stride + self.kernel
            frame += [self.padding, max(self.padding, covered - size - self.padding)]
        expression = module(WindowSum, self.kernel, self.stride, tuple(frame))
        return PlainCode(expression, classes=(WindowSum,))
