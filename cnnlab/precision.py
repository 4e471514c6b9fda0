"""The precisions of training: the type of rows and sums, and how products of float32 are computed."""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from cnnlab.errors import ConfigError

MIN_CAPABILITY = (8, 0)  # Ampere, whose tensor cores are the first that take TF32 and bfloat16
BFLOAT16_UNITS = (
    "avx512_bf16",
    "amx_bf16",
    "bf16",
)  # of processors, as torch names them; the last on aarch64


@dataclass(frozen=True)
class Precision:
    """What is kept in which type.

    `rows`: parameters, gradients, slots, losses and sums. `products`: what a convolution or a matrix product
    takes and gives, with all activations between two of them; None where it is that of the rows. On a
    processor, compiled operations stay with float32 where they receive it: that is faster. `tf32`:
    whether a GPU may round the factors of a float32 product to 10 bits of mantissa.
    """

    rows: torch.dtype
    products: torch.dtype | None = None
    tf32: bool = False

    def casts(self, device: torch.device) -> AbstractContextManager[object]:
        """Return a context in which the operations of a net take and give numbers of this precision."""
        if self.products is None:
            return nullcontext()
        return torch.autocast(device.type, self.products)

    def rounds(self, device: torch.device) -> AbstractContextManager[object]:
        """Return a context in which products of float32, also of gradients, are rounded as this one allows.

        Torch's own choice for convolutions on a GPU is TF32, so it is set for float32, too.
        """
        if device.type != "cuda":
            return nullcontext()
        return products_of_float32("tf32" if self.tf32 else "ieee")

    @property
    def activation_bytes(self) -> int:
        """Return the bytes of a number that is kept for the backward pass."""
        return torch.finfo(self.products or self.rows).bits // 8


PRECISIONS: Mapping[str, Precision] = {
    "float32": Precision(torch.float32),
    "float64": Precision(torch.float64),
    "tf32": Precision(torch.float32, tf32=True),
    "bfloat16": Precision(torch.float32, products=torch.bfloat16),
}


# Those whose products have fewer digits than their rows.
COARSE = frozenset(name for name, own in PRECISIONS.items() if own.products or own.tf32)


def check_device(name: str, device: torch.device) -> None:
    """Raise ConfigError at "train.precision" where a device has no units for products of that precision.

    A processor without them would compute TF32 as float32, and bfloat16 more slowly than float32.
    """
    if name not in COARSE:
        return
    if device.type == "cuda":
        able = torch.cuda.get_device_capability(device) >= MIN_CAPABILITY
    else:
        has = torch.cpu.get_capabilities()
        able = name == "bfloat16" and any(has.get(unit, False) for unit in BFLOAT16_UNITS)
    if not able:
        other = ", or a processor with AVX512-BF16 or AMX" if name == "bfloat16" else ""
        raise ConfigError(
            "train.precision",
            f"must be float32 or float64 on this {device.type} device, got {name!r}, which needs an NVIDIA "
            f"GPU of compute capability 8.0 or higher{other}",
        )


def factors(*tensors: Tensor | None) -> list[Tensor | None]:
    """Return tensors as a product takes them here: for a function of autograd, which torch does not cast."""
    device = next(tensor.device.type for tensor in tensors if tensor is not None)
    if not torch.amp.is_autocast_available(device) or not torch.is_autocast_enabled(device):
        return list(tensors)
    kind = torch.get_autocast_dtype(device)
    return [None if tensor is None else tensor.to(kind) for tensor in tensors]


@contextmanager
def products_of_float32(rounded: str) -> Iterator[None]:
    """Have a GPU round the factors of products of float32 (`tf32`) or not (`ieee`)."""
    # Torch gives the second one no type.
    backends: tuple[Any, ...] = (torch.backends.cuda.matmul, getattr(torch.backends.cudnn, "conv"))  # noqa: B009
    before = [backend.fp32_precision for backend in backends]
    try:
        for backend in backends:
            backend.fp32_precision = rounded
        yield
    finally:
        for backend, own in zip(backends, before, strict=True):
            backend.fp32_precision = own
