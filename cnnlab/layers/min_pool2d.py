"""Min pooling: the darkest point of each window."""

from torch import Tensor
from torch.nn.functional import max_pool2d

from cnnlab import plain_modules
from cnnlab.plain_code import PlainCode, TrainedLayer, module
from cnnlab.pooling import Pool2d
from cnnlab.registry import register


@register
class MinPool2d(Pool2d):
    """Keep the smallest of each k×k window.

    y[i, j] = min x[si … si+k−1, sj … sj+k−1] = −max(−x); the gradient goes to the first minimum.
    Without a stride s the windows touch. A remainder at the edge is left out, or with `ceil` is a window of
    its own, cut at the edge; padding is +∞, never the smallest.
    In the notes: printed as "Mini-pooling". After a ReLU nearly every window has a 0, and before one nearly
    every window has a negative number: either way little is left, and an activation that keeps both signs
    does better.
    Source: J. Serra, "Image analysis and mathematical morphology" (1982), as erosion by a square.
    """

    def pool(self, maps: Tensor) -> Tensor:
        """Return the smallest of each window."""
        return -max_pool2d(-maps, self.kernel, self.stride, self.padding, ceil_mode=self.ceil)

    def to_torch(self, trained: TrainedLayer) -> PlainCode:
        """Return a MaxPool2d of −x, with the sign turned back."""
        expression = module(plain_modules.MinPool2d, *self.windows(), **self.edges())
        return PlainCode(expression, classes=(plain_modules.MinPool2d,))
