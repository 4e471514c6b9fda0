"""Average pooling over time: fewer steps, the same level."""

from torch import Tensor
from torch.nn.functional import avg_pool2d

from cnnlab.plain_code import PlainCode, TrainedLayer, call
from cnnlab.pooling import Pool1d
from cnnlab.registry import register


@register
class AveragePool1d(Pool1d):
    """Keep the mean of each k steps.

    y[t] = (1/k) Σ x[st … st+k−1]. Without a stride s the windows touch. A remainder at the end is left out.
    Source: A. Waibel et al., "Phoneme recognition using time-delay neural networks" (1989), whose outputs
    add up evidence over time.
    """

    def pool(self, maps: Tensor) -> Tensor:
        """Return the mean of each window."""
        return avg_pool2d(maps, (1, self.kernel), (1, self.stride))

    def to_torch(self, trained: TrainedLayer) -> PlainCode:
        """Return nn.AvgPool1d."""
        return PlainCode(call("nn.AvgPool1d", *self.windows()))
