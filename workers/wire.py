"""JSON lines over a pipe: how a supervisor and its runner talk."""

from __future__ import annotations

import json
import os
import select
from typing import Any

Message = dict[str, Any]


class Wire:
    """One end of a conversation: reads messages from one descriptor, writes them to another."""

    def __init__(self, read_fd: int, write_fd: int) -> None:
        self.read_fd, self.write_fd = read_fd, write_fd
        self._rest = b""

    def send(self, message: Message) -> None:
        """Write one message; `BrokenPipeError` when nobody is there."""
        line = json.dumps(message, allow_nan=False, separators=(",", ":")).encode() + b"\n"
        while line:
            line = line[os.write(self.write_fd, line) :]

    def waiting(self) -> bool:
        """Whether a message, or the end, can be read without blocking."""
        return b"\n" in self._rest or bool(select.select([self.read_fd], [], [], 0)[0])

    def receive(self) -> Message | None:
        """The next message, blocking; None when the other end is gone."""
        while b"\n" not in self._rest:
            chunk = os.read(self.read_fd, 65536)
            if not chunk:
                return None
            self._rest += chunk
        line, self._rest = self._rest.split(b"\n", 1)
        message: Message = json.loads(line)
        return message

    def close(self) -> None:
        """Close both descriptors."""
        os.close(self.read_fd)
        os.close(self.write_fd)
