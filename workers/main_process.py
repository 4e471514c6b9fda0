"""What Celery's main process, which receives the messages, and the children that it starts share.

The child beats for the whole worker, and would go on beating beside a main process that is stopped or hangs.
"""

from __future__ import annotations

import mmap
import os
import struct
import time

from workers.cuda_errors import CudaErrors

SIGN_SECONDS = 1.0  # between two signs
TIME, COUNTS = struct.Struct("d"), struct.Struct("qq")


class MainProcess:
    """Memory that both processes share; make it in the main process, before the fork.

    It holds the time of the main process's last sign of life, which the loop that takes messages gives: it
    grows old when that loop stands still for whatever reason, a Redis that does not answer included. It
    counts the children that were started since one of them last worked, and all of them.
    """

    def __init__(self) -> None:
        self.pid = os.getpid()
        self.cuda_errors = CudaErrors()
        self._memory = mmap.mmap(-1, TIME.size + COUNTS.size)
        self.give_sign()

    def give_sign(self) -> None:
        """Note the time; the clock is the same one in every process of a machine."""
        TIME.pack_into(self._memory, 0, time.monotonic())

    def silence(self) -> float:
        """Seconds since the last sign."""
        (last,) = TIME.unpack_from(self._memory, 0)
        return float(time.monotonic() - last)

    def count_start(self) -> int:
        """Count a child that starts; returns how many have, this one included, since one last worked."""
        starts, ever = COUNTS.unpack_from(self._memory, TIME.size)
        COUNTS.pack_into(self._memory, TIME.size, starts + 1, ever + 1)
        return int(starts + 1)

    def has_restarted(self) -> bool:
        """Whether more than one child has ever been started."""
        return bool(COUNTS.unpack_from(self._memory, TIME.size)[1] > 1)

    def child_works(self) -> None:
        """Forget the children before this one."""
        _, ever = COUNTS.unpack_from(self._memory, TIME.size)
        COUNTS.pack_into(self._memory, TIME.size, 0, ever)
