"""Messages over a pair of pipes: how a supervisor and its runner talk."""

from __future__ import annotations

import os
import select

from workers.messages import Message, decode, encode

READ_BYTES = 65536


class Wire:
    """One end of a conversation: reads messages from one descriptor, writes them to another."""

    def __init__(self, read_fd: int, write_fd: int) -> None:
        self.read_fd, self.write_fd = read_fd, write_fd
        self._rest = b""

    def send(self, message: Message) -> None:
        """Write one message; `BrokenPipeError` when the other end is gone."""
        line = encode(message)
        while line:
            line = line[os.write(self.write_fd, line) :]

    def readable(self) -> bool:
        """Whether a message, or the end, can be read without blocking."""
        return b"\n" in self._rest or bool(select.select([self.read_fd], [], [], 0)[0])

    def receive(self) -> Message | None:
        """Return the next message, blocking; None when the other end is gone.

        Raises `MessageError` for a line that is no message.
        """
        while b"\n" not in self._rest:
            chunk = os.read(self.read_fd, READ_BYTES)
            if not chunk:
                return None
            self._rest += chunk
        line, self._rest = self._rest.split(b"\n", 1)
        return decode(line)

    def close(self) -> None:
        """Close both descriptors."""
        os.close(self.read_fd)
        os.close(self.write_fd)
