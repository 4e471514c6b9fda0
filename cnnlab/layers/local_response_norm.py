"""Local response normalization: a strong feature weakens its neighbours at the same pixel."""

from collections.abc import Sequence

from torch import Tensor
from torch.nn.functional import avg_pool2d, pad

from cnnlab.elementwise import evenly
from cnnlab.layer import Context, Layer, Shape, shared, shared_batch
from cnnlab.plain_code import PlainCode, TrainedLayer, call
from cnnlab.registry import register


@register
class LocalResponseNorm(Layer):
    """Divide each map by a power of the squares of the maps around it.

    y[c] = x[c] / (k + α Σ_{j = c − ⌊n/2⌋ … c + ⌊(n−1)/2⌋} x[j]²)^β, missing maps count as 0.
    α is the paper's and multiplies the sum. In torch and Caffe it multiplies the mean, so it is n times as
    large: 5e-4 for the paper's 1e-4; Caffe's AlexNet, with 1e-4 on the mean and k = 1, is another function.
    Source: A. Krizhevsky, I. Sutskever and G. Hinton, "ImageNet classification with deep convolutional neural
    networks" (2012), section 3.3.
    """

    def __init__(self, n: int = 5, alpha: float = 1e-4, beta: float = 0.75, k: float = 2.0) -> None:
        self.n, self.alpha, self.beta, self.k = n, alpha, beta, k

    @classmethod
    def example(cls) -> tuple[Layer, Shape]:
        """Return a small one."""
        return cls(3, 0.5, 0.75, 2.0), (4, 3, 2)

    def forward(self, x: Tensor, p: Sequence[Tensor], b: Sequence[Tensor], context: Context) -> Tensor:
        """Return y, shaped as x (N, K, C, H, W); each row's image is normalized by itself."""
        images = shared_batch(x) if shared(x) else x.flatten(0, 1)
        squares = images.square().flatten(2)[:, None]  # (M, 1, C, H·W)
        around = pad(squares, (0, 0, self.n // 2, (self.n - 1) // 2))
        sums = avg_pool2d(around, (self.n, 1), stride=1, divisor_override=1).view(images.shape)
        y = images / evenly(lambda own: own.pow(self.beta), self.k + self.alpha * sums)
        return y[:, None].expand_as(x) if shared(x) else y.view(x.shape)

    def to_torch(self, trained: TrainedLayer) -> PlainCode:
        """Return nn.LocalResponseNorm, whose alpha multiplies the mean."""
        options = {"alpha": self.n * self.alpha, "beta": self.beta, "k": self.k}
        return PlainCode(call("nn.LocalResponseNorm", self.n, **options))
