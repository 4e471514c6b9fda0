"""The log of a pack: what its runner printed, and the trace of its failure, up to a limit."""

from __future__ import annotations

import logging
import os
from contextlib import suppress
from io import FileIO
from pathlib import Path

from workers.listener import Listener
from workers.messages import Failed, FromRunner

MAX_LOG_BYTES = 1 << 20
log = logging.getLogger(__name__)


class PackLog(Listener):
    """Writes to `packs/ID/log.txt` below the folder of files; what is beyond the limit is dropped."""

    def __init__(self, files: Path, pack_id: str) -> None:
        self._path, self._pack_id = files / "packs" / pack_id / "log.txt", pack_id
        self._file: FileIO | None = None  # most packs print nothing
        self._left = MAX_LOG_BYTES

    def on_output(self, data: bytes) -> None:
        """Append it. A full disk costs the log, never the pack."""
        if not data or not self._left:
            return
        if self._file is None:
            self._file = self._open()
        with suppress(OSError):
            self._file.write(data[: self._left])
        self._left = max(0, self._left - len(data))

    def _open(self) -> FileIO:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            return self._path.open("ab", buffering=0)
        except OSError as error:
            log.warning("pack %s is trained without a log: %s", self._pack_id, error)
            return Path(os.devnull).open("ab", buffering=0)

    def on_message(self, message: FromRunner) -> None:
        """Append the trace of a failure."""
        if isinstance(message, Failed):
            self.on_output(message.trace.encode(errors="replace"))

    def close(self) -> None:
        """Close the file."""
        if self._file:
            self._file.close()
