"""What a process that trains needs of its environment before torch loads: threads, and glibc's allocator."""

from __future__ import annotations

from services.host import LIBC

# glibc gives big blocks back at every free; keeping them saves a third of an array's step (docs/records.md).
# The first takes at most 32 MiB.
KEPT_BLOCKS = {
    "MALLOC_MMAP_THRESHOLD_": 32 << 20,
    "MALLOC_TRIM_THRESHOLD_": 1 << 30,
    "MALLOC_TOP_PAD_": 64 << 20,
}
# Asks for pages of 2 MiB, so that fewer of them are looked up; a glibc before 2.35 ignores it.
HUGE_PAGES = {"GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"}
ALLOCATOR = {**{name: str(size) for name, size in KEPT_BLOCKS.items()}, **HUGE_PAGES}
# The numbers of the same parameters in malloc.h: M_MMAP_THRESHOLD, M_TRIM_THRESHOLD, M_TOP_PAD.
MALLOPT = {"MALLOC_MMAP_THRESHOLD_": -3, "MALLOC_TRIM_THRESHOLD_": -1, "MALLOC_TOP_PAD_": -2}


def threads_environment(threads: int) -> dict[str, str]:
    """What has torch compute with so many threads."""
    return {"OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads)}


def keep_blocks() -> None:
    """Set `KEPT_BLOCKS` in a process that runs already, for which the environment comes too late.

    Pages of 2 MiB cannot be asked for any more. Without glibc there is nothing to set.
    """
    mallopt = getattr(LIBC, "mallopt", None)
    if mallopt is not None:
        for name, size in KEPT_BLOCKS.items():
            mallopt(MALLOPT[name], size)
