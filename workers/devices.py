"""Which devices this host has, found without torch, and what a runner's environment needs to use one."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys

from services.domain.errors import ServiceError
from services.store.devices import Found


def find(wanted: str) -> list[Found]:
    """The devices that workers here may claim: `auto` (every GPU, else one CPU device a core) or a list.

    A list names them: `cpu:0,cpu:1` are two CPU slots, `cuda:0` or `cuda:GPU-…` a GPU by index or UUID.
    """
    host = socket.gethostname()
    gpus = _gpus()
    if wanted == "auto":
        return [Found(host, uuid, "cuda", name) for uuid, name in gpus] or [
            Found(host, f"cpu:{i}", "cpu", f"core {i}") for i in range(_cores())
        ]
    return [_named(item.strip(), host, gpus) for item in wanted.split(",") if item.strip()]


def _cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


def _named(item: str, host: str, gpus: list[tuple[str, str]]) -> Found:
    kind, _, which = item.partition(":")
    if kind == "cpu" and which.isdigit():
        return Found(host, item, "cpu", f"slot {which}")
    if kind == "cuda":
        for index, (uuid, name) in enumerate(gpus):
            if which in (str(index), uuid):
                return Found(host, uuid, "cuda", name)
        raise ServiceError(f"CNNLAB_DEVICES names {item!r}, but nvidia-smi lists {len(gpus)} GPUs on {host}")
    raise ServiceError(f"CNNLAB_DEVICES: {item!r} is neither cpu:N, cuda:N, cuda:UUID nor auto")


def _gpus() -> list[tuple[str, str]]:
    """UUID and name of every GPU that answers."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return []
    query = [program, "--query-gpu=uuid,name", "--format=csv,noheader"]
    answer = subprocess.run(query, capture_output=True, text=True, timeout=20, check=False)
    if answer.returncode != 0:
        return []
    lines = [line.split(",", 1) for line in answer.stdout.splitlines() if "," in line]
    return [(uuid.strip(), name.strip()) for uuid, name in lines]


def environment(device: Found, threads: int) -> dict[str, str]:
    """What a runner must find set before torch loads."""
    return {
        **os.environ,
        "CUDA_VISIBLE_DEVICES": device.identity if device.kind == "cuda" else "",
        "OMP_NUM_THREADS": str(threads),
        "MKL_NUM_THREADS": str(threads),
        # glibc gives big blocks back at every free; keeping them saves a third of an array's step
        # (docs/records.md). The first takes at most 32 MiB.
        "MALLOC_MMAP_THRESHOLD_": str(32 << 20),
        "MALLOC_TRIM_THRESHOLD_": str(1 << 30),
        "MALLOC_TOP_PAD_": str(64 << 20),
    }
