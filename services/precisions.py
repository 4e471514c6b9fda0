"""Which precisions a device trains in, and what those need that not every device has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from services import gpus
from services.host import EVERYWHERE, HostDevice

ON_A_GPU = ("tf32", "bfloat16")
MIN_CAPABILITY = (8, 0)  # Ampere, whose tensor cores are the first that take both
_A_GPU = "an NVIDIA GPU of compute capability 8.0 or higher"
NEEDS = {
    "tf32": _A_GPU,
    "bfloat16": f"{_A_GPU}, or a processor with AVX512-BF16 or AMX; on others it is slower than float32",
}
# As the kernel of Linux names what a processor multiplies bfloat16 with; the last one on aarch64.
FLAGS = frozenset({"avx512_bf16", "amx_bf16", "bf16"})
PROCESSOR = Path("/proc/cpuinfo")


def with_precisions(devices: Sequence[HostDevice]) -> list[HostDevice]:
    """Add to devices of this host the precisions in which they train at full speed."""
    slots = (*EVERYWHERE, "bfloat16") if _multiplies_bfloat16() else EVERYWHERE
    capable = gpus.capabilities() if any(device.kind == "cuda" for device in devices) else {}

    def of(device: HostDevice) -> tuple[str, ...]:
        if device.kind == "cpu":
            return slots
        # Only GPUs with such tensor cores can be divided.
        divided = device.identity.startswith("MIG-")
        able = divided or capable.get(device.identity, (0, 0)) >= MIN_CAPABILITY
        return EVERYWHERE + ON_A_GPU if able else EVERYWHERE

    return [replace(device, precisions=of(device)) for device in devices]


def _multiplies_bfloat16() -> bool:
    try:
        lines = PROCESSOR.read_text().splitlines()
    except OSError:
        return False
    words = next((line.split() for line in lines if line.startswith(("flags", "Features"))), [])
    return not FLAGS.isdisjoint(words)
