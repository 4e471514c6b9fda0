"""Which devices workers of this host may claim, and what a runner's environment needs to use one."""

from __future__ import annotations

import os
import socket
from collections.abc import Sequence
from dataclasses import dataclass

from services import gpus, host
from services.domain.errors import ServiceError
from services.domain.plan.packing import MEMORY_SHARE
from services.gpus import Gpu, GpuListing
from services.host import HostDevice
from services.training_environment import ALLOCATOR, threads_environment


@dataclass(frozen=True)
class FoundDevices:
    """The devices that workers here may claim; `remark` says what of this host is not among them, and why.

    `full` has the GPUs that another program fills, by UUID: a sentence about each.
    """

    devices: list[HostDevice]
    remark: str
    full: dict[str, str]


def find(wanted: str) -> FoundDevices:
    """List the devices that workers here may claim: `auto` (every GPU, else one CPU device a core) or a list.

    `auto` takes the GPUs that CUDA_VISIBLE_DEVICES leaves. A list names devices: `cpu:0,cpu:1` are two CPU
    slots, `cuda:0` or `cuda:GPU-…` or `cuda:MIG-…` a GPU, or an instance of one, by index or UUID.
    """
    name, listing = socket.gethostname(), gpus.look()
    full = gpus.full(
        listing.gpus, MEMORY_SHARE
    )  # a GPU that a runner uses has a claim, so it is no candidate
    if wanted != "auto":
        named = [_named(item.strip(), name, listing) for item in wanted.split(",") if item.strip()]
        return FoundDevices(named, "", full)
    seen = gpus.visible(listing.gpus, os.environ.get(gpus.VISIBLE))
    devices = [_gpu(name, gpu) for gpu in seen.gpus] or [
        HostDevice(name, f"cpu:{i}", "cpu", f"core {i}") for i in range(host.cores())
    ]
    fault = f"{listing.fault}; {gpus.FAULT_REMEDY}" if listing.fault else ""
    return FoundDevices(devices, "; ".join(filter(None, [fault, seen.remark])), full)


def filled(devices: Sequence[HostDevice]) -> dict[str, str]:
    """Those of these devices that another program fills now, by identity: a sentence about each."""
    if all(device.kind != "cuda" for device in devices):
        return {}
    return gpus.full(gpus.look().gpus, MEMORY_SHARE)


def _named(item: str, name: str, listing: GpuListing) -> HostDevice:
    kind, _, which = item.partition(":")
    if kind == "cpu" and which.isdigit():
        return HostDevice(name, item, "cpu", f"slot {which}")
    if kind != "cuda":
        raise ServiceError(f"each item of CNNLAB_DEVICES must be cpu:N, cuda:N or cuda:UUID, got {item!r}")
    for index, gpu in enumerate(listing.gpus):
        if which in (str(index), gpu.uuid):
            return _gpu(name, gpu)
    there = ", ".join(f"cuda:{index} ({gpu.uuid})" for index, gpu in enumerate(listing.gpus)) or "none"
    why = f"; {listing.fault}" if listing.fault else ""
    raise ServiceError(f"CNNLAB_DEVICES must name GPUs of {name}, which are: {there}; got {item!r}{why}")


def _gpu(host_name: str, gpu: Gpu) -> HostDevice:
    return HostDevice(host_name, gpu.uuid, "cuda", gpu.name, gpu.memory)


def gpu_of(device: HostDevice) -> str:
    """The GPU that a runner on this device may see; empty if none."""
    return device.identity if device.kind == "cuda" else ""


def runner_environment(threads: int) -> dict[str, str]:
    """What must be set in a runner's environment before torch loads."""
    return {**os.environ, **threads_environment(threads), **ALLOCATOR}
