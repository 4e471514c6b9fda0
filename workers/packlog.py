"""What a runner prints, kept per pack and capped."""

from __future__ import annotations

import os
from pathlib import Path

CAP = 1 << 20  # bytes


class PackLog:
    """Copies a runner's output into a file of its own; beyond the cap it reads and drops."""

    def __init__(self, files: Path, pack_id: str) -> None:
        self.path = files / "packs" / pack_id / "log.txt"
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._file = self.path.open("ab", buffering=0)
        self._left = CAP

    def drain(self, descriptor: int) -> bool:
        """Copy what waits at a non-blocking descriptor; False when its writer is gone."""
        while True:
            try:
                chunk = os.read(descriptor, 65536)
            except BlockingIOError:
                return True
            if not chunk:
                return False
            self._file.write(chunk[: self._left])
            self._left = max(0, self._left - len(chunk))

    def write(self, text: str) -> None:
        """Add a text of the supervisor's own."""
        self._file.write(text.encode()[: self._left])

    def close(self) -> None:
        """Close the file."""
        self._file.close()
