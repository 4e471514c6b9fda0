"""Max pooling: whether a feature is present matters more than exactly where."""

from torch import Tensor
from torch.nn.functional import max_pool2d

from cnnlab.plain_code import PlainCode, TrainedLayer, call
from cnnlab.pooling import Pool2d
from cnnlab.registry import register


@register
class MaxPool2d(Pool2d):
    """Keep the largest of each k×k window.

    y[i, j] = max x[si … si+k−1, sj … sj+k−1]; the gradient goes to the first maximum.
    Without a stride s the windows touch. A remainder at the edge is left out, or with `ceil` is a window of
    its own, cut at the edge; padding is −∞, never the largest.
    Source: M. Riesenhuber and T. Poggio, "Hierarchical models of object recognition in cortex" (1999);
    overlapping windows: A. Krizhevsky et al., "ImageNet classification with deep convolutional neural
    networks" (2012).
    """

    def pool(self, maps: Tensor) -> Tensor:
        """Return the largest of each window."""
        return max_pool2d(maps, self.kernel, self.stride, self.padding, ceil_mode=self.ceil)

    def to_torch(self, trained: TrainedLayer) -> PlainCode:
        """Return nn.MaxPool2d."""
        return PlainCode(call("nn.MaxPool2d", *self.windows(), **self.edges()))
