"""Max pooling over time: whether a feature occurred matters more than exactly when."""

from torch import Tensor
from torch.nn.functional import max_pool2d

from cnnlab.plain_code import PlainCode, TrainedLayer, call
from cnnlab.pooling import Pool1d
from cnnlab.registry import register


@register
class MaxPool1d(Pool1d):
    """Keep the largest of each k steps.

    y[t] = max x[st … st+k−1]; the gradient goes to the first maximum. Without a stride s the windows
    touch. A remainder at the end is left out.
    Source: M. Riesenhuber and T. Poggio, "Hierarchical models of object recognition in cortex" (1999); over
    time as Y. LeCun and Y. Bengio, "Convolutional networks for images, speech, and time series" (1995).
    """

    def pool(self, maps: Tensor) -> Tensor:
        """Return the largest of each window."""
        return max_pool2d(maps, (1, self.kernel), (1, self.stride))

    def to_torch(self, trained: TrainedLayer) -> PlainCode:
        """Return nn.MaxPool1d."""
        return PlainCode(call("nn.MaxPool1d", *self.windows()))
