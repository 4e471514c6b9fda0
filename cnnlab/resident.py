"""A data set on the device: bytes that stay there, made into numbers batch by batch."""

from collections.abc import Iterator

import torch
from torch import Tensor

from cnnlab import batches
from cnnlab.data import Images

CHUNK = 256  # images evaluated at once: K·CHUNK activations still fit a cache


class Part:
    """Some images of a data set, uint8 (N, H, W, C), and how to normalize them: scale and shift (C,).

    Channels are innermost, and so are rows and channels of a batch: the layout in which convolutions
    of many rows are fast on a CPU.
    """

    def __init__(self, x: Tensor, y: Tensor, scale: Tensor, shift: Tensor) -> None:
        self.x, self.y, self.scale, self.shift = x, y, scale, shift

    def __len__(self) -> int:
        return len(self.y)

    def batch(self, index: Tensor | slice, rows: int) -> tuple[Tensor, Tensor]:
        """Return images (N, K, C, H, W) and classes (N, K) that all rows share: stride 0 over K."""
        x, y = self._normal(self.x[index]).permute(0, 3, 1, 2), self.y[index]
        return x[:, None].expand(-1, rows, -1, -1, -1), y[:, None].expand(-1, rows)

    def batch_per_row(self, index: Tensor, row: Tensor) -> tuple[Tensor, Tensor]:
        """Return the same where row k has column row[k] of the index, (N, replicates)."""
        each = self._normal(self.x[index.flatten()])
        x = each.view(*index.shape, *self.x.shape[1:])  # (N, replicates, H, W, C)
        wide = x.permute(0, 2, 3, 1, 4)[:, :, :, row]  # (N, H, W, K, C)
        return wide.contiguous().permute(0, 3, 4, 1, 2), self.y[index][:, row]

    def chunks(self, rows: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Go through the part once, in order."""
        for start in range(0, len(self), CHUNK):
            yield self.batch(slice(start, start + CHUNK), rows)

    def _normal(self, x: Tensor) -> Tensor:
        return x.to(self.scale.dtype).mul_(self.scale).sub_(self.shift)


class Resident:
    """Training, validation and test part of a data set.

    A pixel v of 0 … 255 becomes (v/255 − mean)/std, mean and standard deviation being those of its channel
    over the training part; a constant channel becomes 0.
    """

    def __init__(
        self, images: Images, validation: float, data_seed: int, device: torch.device, dtype: torch.dtype
    ) -> None:
        train, held = batches.split(images.train_y, validation, data_seed)
        mean, std = _moments(images.train_x[train])
        scale = (1 / (255 * std)).to(device, dtype)
        shift = (mean / std).to(device, dtype)

        def part(x: Tensor, y: Tensor) -> Part:
            return Part(_channels_last(x).to(device), y.to(device), scale, shift)

        self.train = part(images.train_x[train], images.train_y[train])
        self.validation = part(images.train_x[held], images.train_y[held])
        self.test = part(images.test_x, images.test_y)


def _channels_last(x: Tensor) -> Tensor:
    """Return (N, H, W, C) from (N, C, H, W); a clone, because contiguous() keeps odd strides where C = 1."""
    return x.permute(0, 2, 3, 1).clone(memory_format=torch.contiguous_format)


def _moments(x: Tensor) -> tuple[Tensor, Tensor]:
    """Return mean and standard deviation of v/255 for each channel, float64 (C,), from whole-number sums."""
    total = torch.zeros(x.shape[1], dtype=torch.int64)
    squares = torch.zeros_like(total)
    for chunk in torch.split(x, 1024):
        wide = chunk.long()
        total += wide.sum((0, 2, 3))
        squares += (wide * wide).sum((0, 2, 3))
    count = x.numel() / x.shape[1]
    mean = total.double() / count
    std = (squares.double() / count - mean * mean).clamp(min=0).sqrt()
    return mean / 255, torch.where(std > 0, std, 1.0) / 255
