"""Which devices workers of this host may claim, and what a runner's environment needs to use one."""

from __future__ import annotations

import os
import socket
from collections.abc import Sequence

from services import host
from services.domain.errors import ServiceError
from services.host import Gpu, HostDevice

# glibc gives big blocks back at every free; keeping them saves a third of an array's step (docs/records.md).
# The first takes at most 32 MiB. The last asks for pages of 2 MiB, so that fewer of them are looked up; a
# glibc before 2.35 ignores it.
ALLOCATOR = {
    "MALLOC_MMAP_THRESHOLD_": str(32 << 20),
    "MALLOC_TRIM_THRESHOLD_": str(1 << 30),
    "MALLOC_TOP_PAD_": str(64 << 20),
    "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1",
}


def find(wanted: str) -> list[HostDevice]:
    """List the devices that workers here may claim: `auto` (every GPU, else one CPU device a core) or a list.

    A list names them: `cpu:0,cpu:1` are two CPU slots, `cuda:0` or `cuda:GPU-…` a GPU by index or UUID.
    """
    name, gpus = socket.gethostname(), host.gpus()
    if wanted == "auto":
        return [_gpu(name, gpu) for gpu in gpus] or [
            HostDevice(name, f"cpu:{i}", "cpu", f"core {i}") for i in range(host.cores())
        ]
    return [_named(item.strip(), name, gpus) for item in wanted.split(",") if item.strip()]


def _named(item: str, name: str, gpus: Sequence[Gpu]) -> HostDevice:
    kind, _, which = item.partition(":")
    if kind == "cpu" and which.isdigit():
        return HostDevice(name, item, "cpu", f"slot {which}")
    if kind != "cuda":
        raise ServiceError(f"each item of CNNLAB_DEVICES must be cpu:N, cuda:N or cuda:UUID, got {item!r}")
    for index, gpu in enumerate(gpus):
        if which in (str(index), gpu.uuid):
            return _gpu(name, gpu)
    there = ", ".join(f"cuda:{index} ({gpu.uuid})" for index, gpu in enumerate(gpus)) or "none"
    raise ServiceError(f"CNNLAB_DEVICES must name GPUs of {name}, which are: {there}; got {item!r}")


def _gpu(host_name: str, gpu: Gpu) -> HostDevice:
    return HostDevice(host_name, gpu.uuid, "cuda", gpu.name, gpu.memory)


def gpu_of(device: HostDevice) -> str:
    """The GPU that a runner on this device may see; empty if none."""
    return device.identity if device.kind == "cuda" else ""


def runner_environment(threads: int) -> dict[str, str]:
    """What must be set in a runner's environment before torch loads."""
    return {
        **os.environ,
        "OMP_NUM_THREADS": str(threads),
        "MKL_NUM_THREADS": str(threads),
        **ALLOCATOR,
    }
