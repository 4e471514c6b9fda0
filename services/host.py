"""What this host has: its devices, cores and processor; and how a process ends together with its parent."""

from __future__ import annotations

import ctypes
import os
import platform
import signal
import sys
from dataclasses import dataclass
from pathlib import Path

PR_SET_PDEATHSIG = 1
EVERYWHERE = ("float32", "float64")  # precisions that every device has
# Loaded now, because nothing may be loaded between fork and exec.
LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


@dataclass(frozen=True)
class HostDevice:
    """A device that a host has: its lasting identity (a UUID, or cpu:0) and its kind (cpu, cuda).

    `memory` is a GPU's, in bytes; a CPU slot has none of its own: 0.
    """

    host: str
    identity: str
    kind: str
    name: str
    memory: int = 0
    precisions: tuple[str, ...] = EVERYWHERE

    @property
    def id(self) -> str:
        """The key of the claim: a GPU's UUID is unique in the world, a CPU slot only within its host."""
        return self.identity if self.kind == "cuda" else f"{self.host}/{self.identity}"


def cores() -> int:
    """Count the cores that this process may use, which a container's mask makes fewer than the machine's."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


def processor() -> str:
    """Name the processor, as the kernel does where it is Linux."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next(
        (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine()
    )


def end_with_parent(parent: int, by: signal.Signals) -> None:
    """Have the kernel send this process a signal when process `parent` ends; exit if it already has.

    Only Linux can do the first. Call it in the child, before or after exec.
    """
    if LIBC is not None:
        LIBC.prctl(PR_SET_PDEATHSIG, by)
    if os.getppid() != parent:
        os._exit(1)
