"""Average pooling: a smaller image of the same brightness."""

from torch import Tensor
from torch.nn.functional import avg_pool2d

from cnnlab.plain_code import PlainCode, TrainedLayer, call
from cnnlab.pooling import Pool2d
from cnnlab.registry import register


@register
class AveragePool2d(Pool2d):
    """Keep the mean of each k×k window.

    y[i, j] = (1/n) Σ x[si … si+k−1, sj … sj+k−1]; n = k², or, without `count`, the pixels of the image in the
    window. Without a stride s the windows touch. A remainder at the edge is left out, or with `ceil` is a
    window of its own, cut at the edge; padding is 0.
    Source: Y. LeCun et al., "Backpropagation applied to handwritten zip code recognition" (1989).
    """

    def __init__(
        self, kernel: int, stride: int | None = None, padding: int = 0, ceil: bool = False, count: bool = True
    ) -> None:
        super().__init__(kernel, stride, padding, ceil)
        self.count = count  # whether padding counts, as in torch

    def pool(self, maps: Tensor) -> Tensor:
        """Return the mean of each window."""
        return avg_pool2d(maps, self.kernel, self.stride, self.padding, self.ceil, self.count)

    def to_torch(self, trained: TrainedLayer) -> PlainCode:
        """Return nn.AvgPool2d."""
        count = {} if self.count else {"count_include_pad": False}
        return PlainCode(call("nn.AvgPool2d", *self.windows(), **self.edges(), **count))
