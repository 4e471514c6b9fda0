"""A data set on the device: its bytes stay there and become floats batch by batch."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from cnnlab.batching.label_noise import mislabel
from cnnlab.batching.partition import partition
from cnnlab.data import Images, Info

Change = Callable[[Tensor], Tensor]  # of the images of one batch, (M, C, H, W) of 0 … 255

CHUNK_IMAGES = 256  # evaluated at once, so that the activations of K rows still fit a cache


class Part:
    """Some images of a data set, uint8 (N, H, W, C), and how to normalize them: scale and shift (C,).

    Images are resized to `side` × `side` when a batch is made; 0 leaves their size. Channels are innermost,
    and so are rows and channels of a batch: in this layout convolutions of many rows are fast on a CPU.
    """

    def __init__(self, x: Tensor, y: Tensor, scale: Tensor, shift: Tensor, side: int = 0) -> None:
        self.x, self.y, self.scale, self.shift, self.side = x, y, scale, shift, side

    def __len__(self) -> int:
        return len(self.y)

    def batch(self, index: Tensor | slice, rows: int, change: Change | None = None) -> tuple[Tensor, Tensor]:
        """Return images (N, K, C, H, W) and targets (N, K) that all rows share: stride 0 over K."""
        x, y = self._normal(_taken(self.x, index), change).permute(0, 3, 1, 2), _taken(self.y, index)
        return x[:, None].expand(-1, rows, -1, -1, -1), y[:, None].expand(-1, rows)

    def batch_per_row(
        self, index: Tensor, row: Tensor, change: Change | None = None
    ) -> tuple[Tensor, Tensor]:
        """Return the same where row k has column row[k] of the index, (N, streams)."""
        each = self._normal(_taken(self.x, index.flatten()), change)
        x = each.view(*index.shape, *each.shape[1:])  # (N, streams, H, W, C)
        wide = x.permute(0, 2, 3, 1, 4)[:, :, :, row]  # (N, H, W, K, C)
        return wide.contiguous().permute(0, 3, 4, 1, 2), self.y[index][:, row]

    def chunks(self, rows: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Iterate over the part once, in order."""
        for start in range(0, len(self), CHUNK_IMAGES):
            yield self.batch(slice(start, start + CHUNK_IMAGES), rows)

    def _normal(self, x: Tensor, change: Change | None = None) -> Tensor:
        x = x.to(self.scale.dtype)
        if change or self.side:
            maps = x.permute(0, 3, 1, 2)
            if change:
                maps = change(maps)
            if self.side:
                maps = interpolate(maps, (self.side, self.side), mode="bilinear", align_corners=False)
            x = maps.permute(0, 2, 3, 1).contiguous()
        return x.mul_(self.scale).sub_(self.shift)


def _taken(x: Tensor, index: Tensor | slice) -> Tensor:
    """Return x[index]; index_select copies whole images, where [index] goes byte by byte."""
    return x[index] if isinstance(index, slice) else x.index_select(0, index)


class DeviceData:
    """The parts of a data set: training, validation, test; `data` is the resolved section, `info` the facts.

    A pixel v of 0 … 255 becomes (v/255 − mean)/std, with mean and standard deviation of its channel over the
    training part as stored; a constant channel becomes 0, its std is 1/255. If a data set is not centred,
    mean is 0 and std 1. Only the training part has label noise.
    """

    TAKEN = ("mean", "std")  # for reports; batches read the tensors (engine/renewal.py)

    def __init__(
        self,
        images: Images,
        data: Mapping[str, Any],
        info: Info,
        data_seed: int,
        device: torch.device,
        dtype: torch.dtype,
        replicate: int = 0,
    ) -> None:
        train, validation = partition(images.train_y, info, data, data_seed, replicate)
        channels = images.train_x.shape[1]
        mean, std = torch.zeros(channels, dtype=torch.float64), torch.ones(channels, dtype=torch.float64)
        if info.centred:
            mean, std = _moments(images.train_x[train])
        self.mean: list[float] = mean.tolist()
        self.std: list[float] = std.tolist()
        scale = (1 / (255 * std)).to(device, dtype)
        shift = (mean / std).to(device, dtype)

        def part(x: Tensor, y: Tensor) -> Part:
            y = y.to(dtype) if y.is_floating_point() else y
            return Part(_channels_last(x).to(device), y.to(device), scale, shift, data["resize"])

        train_y = images.train_y[train]
        if data["label_noise"]:
            train_y = mislabel(images.train_y, train, data["label_noise"], info.classes, data_seed)
        self.train = part(images.train_x[train], train_y)
        own = images.parts().get("val")
        self.validation = part(*own or (images.train_x[validation], images.train_y[validation]))
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
