"""What a runner prints, kept per pack and capped."""

from __future__ import annotations

import logging
import os
from contextlib import suppress
from pathlib import Path

CAP = 1 << 20  # bytes
log = logging.getLogger(__name__)


class PackLog:
    """Copies a runner's output into a file of its own; beyond the cap it reads and drops."""

    def __init__(self, files: Path, pack_id: str) -> None:
        path = files / "packs" / pack_id / "log.txt"
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("ab", buffering=0)
        except OSError as error:
            log.warning("no log for pack %s: %s", pack_id, error)
            self._file = Path(os.devnull).open("ab", buffering=0)  # noqa: SIM115 (closed by close)
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
            self._add(chunk)

    def write(self, text: str) -> None:
        """Add a text of the supervisor's own."""
        self._add(text.encode(errors="replace"))

    def _add(self, data: bytes) -> None:
        """A full disk costs the log, never the pack."""
        with suppress(OSError):
            self._file.write(data[: self._left])
        self._left = max(0, self._left - len(data))

    def close(self) -> None:
        """Close the file."""
        self._file.close()
