"""What every way to convolve is: the same function of images and filters, by other operations."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Literal

from torch import Tensor
from torch.nn.functional import max_pool2d

from cnnlab.activations.relu import Relu

WhereRelu = Literal["none", "behind", "before"]  # the pooling; in C++ it is the index


@dataclass(frozen=True)
class ConvolutionTask:
    """A convolution of K rows, as far as the choice of a way depends on it; `str` is its name in records.

    `shared`: all rows have the same images. `pooled`: where a ReLU stands beside the 2×2 max pooling behind
    the convolution; None where no such pooling is part of it. A batch has any number of images.
    """

    inputs: int
    outputs: int
    kernel: int
    height: int
    width: int
    padding: tuple[int, int]
    stride: int
    shared: bool
    pooled: WhereRelu | None

    @classmethod
    def of(
        cls, x: Tensor, weight: Tensor, padding: tuple[int, int], stride: int, pooled: WhereRelu | None
    ) -> "ConvolutionTask":
        """Read it from images (N, K, inputs, H, W) and filters (K, outputs, inputs, k, k)."""
        _, outputs, inputs, kernel, _ = weight.shape
        shared = x.shape[1] == 1 or x.stride(1) == 0
        return cls(inputs, outputs, kernel, x.shape[3], x.shape[4], padding, stride, shared, pooled)

    def __str__(self) -> str:
        maps = f"{self.inputs}x{self.height}x{self.width}{' shared' if self.shared else ''}"
        filters = f"{self.outputs} of {self.kernel}x{self.kernel}"
        steps = f"padding {self.padding[0]}x{self.padding[1]} stride {self.stride}"
        relu = {"none": "", "behind": " relu", "before": " relu before"}
        pool = "" if self.pooled is None else f" max-pool{relu[self.pooled]}"
        return f"{maps} by {filters} {steps}{pool}"


class ConvolutionWay(ABC):
    """A file in ways/ holds one of these; the object has no state.

    x is (N, K, inputs, H, W), with stride 0 over K where all rows share a batch; weight is
    (K, outputs, inputs, k, k), bias (K, outputs). Outputs are (N, K, outputs, H′, W′), which lie in memory
    with rows and maps innermost, and no number of a row depends on another row's.
    """

    def takes(self, task: ConvolutionTask, x: Tensor) -> bool:
        """Whether it computes a task on images of this device and type."""
        return True

    @abstractmethod
    def convolve(
        self, x: Tensor, weight: Tensor, bias: Tensor | None, padding: tuple[int, int], stride: int
    ) -> Tensor:
        """Return x ⋆ weight + bias, row by row, H′ = ⌊(H + 2p − k)/stride⌋ + 1."""

    def convolve_and_pool(
        self, x: Tensor, weight: Tensor, bias: Tensor | None, padding: tuple[int, int], relu: WhereRelu
    ) -> Tensor:
        """Return the largest of each 2×2 window of x ⋆ weight + bias, and a ReLU where it stands."""
        maps = self.convolve(x, weight, bias, padding, 1)
        if relu == "before":
            maps = Relu().value(maps, {})
        largest = max_pool2d(maps.flatten(1, 2), 2)
        largest = largest.view(*maps.shape[:3], *largest.shape[2:])
        return Relu().value(largest, {}) if relu == "behind" else largest
