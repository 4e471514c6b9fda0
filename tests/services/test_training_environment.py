"""services/training_environment.py."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from services.training_environment import ALLOCATOR, KEPT_BLOCKS, keep_blocks, threads_environment

# Frees a block that glibc would give back, and prints how much memory the process keeps of it, in MiB.
PROGRAM = """
import ctypes, sys
from services.training_environment import keep_blocks
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
libc.free.argtypes = [ctypes.c_void_p]
if sys.argv[1] == "late":
    keep_blocks()

def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096 >> 20

before = resident()
blocks = [libc.malloc(16 << 20) for _ in range(4)]
for block in blocks:
    ctypes.memset(block, 1, 16 << 20)
for block in blocks:
    libc.free(block)
print(resident() - before)
"""


def kept(when: str, **environment: str) -> int:
    """MiB of 64 that a process keeps after it has freed them."""
    plain = {name: value for name, value in os.environ.items() if name not in ALLOCATOR}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, when],
        env={**plain, **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return int(done.stdout)


@pytest.mark.skipif(
    not hasattr(os, "confstr") or "glibc" not in (os.confstr("CS_GNU_LIBC_VERSION") or ""), reason="glibc's"
)
def test_blocks_are_kept_whether_the_environment_or_the_process_says_so() -> None:
    assert kept("never") < 8
    assert kept("never", **ALLOCATOR) > 56
    assert kept("late") > 56


def test_a_process_says_the_same_as_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: dict[int, int] = {}

    class Libc:
        @staticmethod
        def mallopt(parameter: int, value: int) -> int:
            calls[parameter] = value
            return 1

    monkeypatch.setattr("services.training_environment.LIBC", Libc)
    keep_blocks()
    assert calls == {-3: 32 << 20, -1: 1 << 30, -2: 64 << 20}
    assert {name: str(size) for name, size in KEPT_BLOCKS.items()}.items() <= ALLOCATOR.items()
    monkeypatch.setattr("services.training_environment.LIBC", None)
    keep_blocks()  # without glibc there is nothing to do


def test_the_number_of_threads_is_that_of_openmp_and_mkl() -> None:
    assert threads_environment(3) == {"OMP_NUM_THREADS": "3", "MKL_NUM_THREADS": "3"}
