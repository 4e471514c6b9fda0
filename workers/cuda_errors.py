"""CUDA errors in a row: counted as long as a worker lives, under all of its supervisors."""

from __future__ import annotations

import mmap
import struct

MAX_ERROR_BYTES = 512  # of the last error's first line
ERRORS = struct.Struct(f"q{MAX_ERROR_BYTES}s")


class CudaErrors:
    """Memory that a worker's main process shares with its children; make it before the fork."""

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, ERRORS.size)

    @property
    def count(self) -> int:
        """How many there were since the last `clear`."""
        return int(ERRORS.unpack_from(self._memory)[0])

    @property
    def last(self) -> str:
        """The first line of the last one."""
        text: bytes = ERRORS.unpack_from(self._memory)[1]
        return text.rstrip(b"\0").decode(errors="ignore")  # a character may have been cut in two

    def add(self, error: str) -> None:
        """Count one more."""
        line = error.splitlines()[0].encode(errors="replace")
        ERRORS.pack_into(self._memory, 0, self.count + 1, line)

    def clear(self) -> None:
        """Begin anew: what comes is not in a row with what was."""
        ERRORS.pack_into(self._memory, 0, 0, b"")
