"""How much memory training takes at most, in a step or an evaluation: counted on a device without numbers."""

import weakref
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from cnnlab.batching.on_device import CHUNK_IMAGES
from cnnlab.engine import class_weights
from cnnlab.engine.array import Array
from cnnlab.engine.cost import NetCost, has_own_batches
from cnnlab.precision import PRECISIONS

ROWS = 2  # of the array that is counted
MAX_COUNTED_PARAMETERS = 2**22


class MemoryCount(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts the bytes of all tensors that operations make while they live: `now`, and `peak` at most."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.now, self.peak = 0, 0
        self._known: set[int] = set()

    def __torch_dispatch__(
        self, function: Any, types: Any, args: Any = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """Do an operation, and count what it has made."""
        out = function(*args, **(kwargs or {}))
        for each in out if isinstance(out, list | tuple) else [out]:
            if isinstance(each, Tensor):
                self._count(each)
        return out

    def _count(self, tensor: Tensor) -> None:
        storage = tensor.untyped_storage()
        key, size = storage._cdata, storage.nbytes()
        if key not in self._known:
            self._known.add(key)
            self.now += size
            self.peak = max(self.peak, self.now)
            weakref.finalize(storage, self._forget, key, size)

    def _forget(self, key: int, size: int) -> None:
        self._known.discard(key)
        self.now -= size


def gpu_bytes_per_row(config: Mapping[str, Any], built: NetCost) -> int:
    """Return the bytes that a row of an array takes on a GPU; without a count, `bytes_per_row` of the cost.

    They are what the row keeps (parameters, slots and buffers, those of the last whole epoch, the best
    parameters and buffers) and the most that a step makes besides (its share of the batch, what the backward
    pass needs, gradients) or an evaluation, whichever is more: that has `CHUNK_IMAGES` images at once,
    whatever the batch. Libraries' own memory is not in it. Measured on a CPU without compiled operations, a
    step took 0.52 to 0.98 of the count (docs/decisions/0017).
    With bfloat16, which needs a device, it is half of what float32 takes, and 2½ times the parameters.
    Not counted are steps that depend on numbers, batches of all images, large nets, whose first weights take
    long to make, and modules of one's own that need numbers.
    """
    full = config["train"]["batch_size"] == "full"
    if full or built.net.parameters > MAX_COUNTED_PARAMETERS:
        return built.bytes_per_row
    precision = PRECISIONS[config["train"]["precision"]]
    plain = precision if precision.products is None else PRECISIONS["float32"]
    rows = "float64" if plain.rows == torch.float64 else "float32"
    counted = class_weights.counted(
        {**config, "train": {**config["train"], "precision": rows}}, (1,) * built.classes
    )
    array = Array(built.net, [counted] * ROWS, list(range(ROWS)), "meta")
    if not array.repeats:
        return built.bytes_per_row
    means = len(array.average.tensors)
    kept = (1 + built.slots + means) * built.parameters + built.buffers
    numbers = 2 * kept + built.parameters + built.buffers
    images = int(config["train"]["batch_size"]) * config["train"]["accumulate"]
    try:
        step = step_bytes(array, images, has_own_batches(config)) // ROWS
        evaluation = evaluation_bytes(array, CHUNK_IMAGES) // ROWS
    except Exception:
        if not built.net.chain.tried:
            raise
        return built.bytes_per_row  # the module's code fails where tensors have no numbers
    if precision.products is not None:
        weights = 5 * built.parameters * plain.rows.itemsize // 2
        step, evaluation = step // 2 + weights, evaluation // 2 + weights
    return max(step, evaluation) + numbers * plain.rows.itemsize


def step_bytes(array: Array, images: int, own_batches: bool) -> int:
    """Return the most bytes that a step of an array on the meta device takes beside what the rows keep."""
    count = MemoryCount()
    with count:
        array.step(*_batch(array, images, len(array) if own_batches else 1))
    return count.peak


def evaluation_bytes(array: Array, images: int) -> int:
    """Return the most bytes that an evaluation of so many images takes, which all rows share."""
    count = MemoryCount()
    with count:
        array.evaluate(*_batch(array, images, 1))
    return count.peak


def _batch(array: Array, images: int, streams: int) -> tuple[Tensor, Tensor]:
    """Make images (N, K, C, H, W) and targets (N, K) on the meta device, of all rows or of one stream."""
    x = torch.zeros(images, streams, *array.net.shape, dtype=array.dtype, device="meta")
    y = torch.zeros(images, 1, dtype=torch.int64, device="meta")
    return x.expand(-1, len(array), -1, -1, -1), y.expand(-1, len(array))
