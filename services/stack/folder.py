"""The folder `.cnnlab/`: data that outlives the stack, secrets, logs, and which stack is running in it."""

from __future__ import annotations

import fcntl
import json
import os
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO
from urllib.parse import quote

from services.stack.errors import StackError

FOLDER_NAME = ".cnnlab"


@dataclass(frozen=True)
class Secrets:
    """The keys and passwords of one folder, made once and kept."""

    api_key: str
    redis_password: str


@dataclass(frozen=True)
class Running:
    """A running stack: its process and the addresses of its servers."""

    pid: int
    api: str
    mlflow: str


def sqlite_url(path: Path) -> str:
    """The SQLAlchemy address of a file; in an address a % of its name would begin an escape."""
    return f"sqlite:///{quote(str(path))}"


class Folder:
    """The files of a stack, below one working directory."""

    def __init__(self, parent: Path) -> None:
        self.root = parent.absolute() / FOLDER_NAME
        self._lock: IO[str] | None = None

    @property
    def logs(self) -> Path:
        """The folder of the logs, one for each child process."""
        return self.root / "logs"

    def make(self) -> None:
        """Create the missing folders, readable by their owner only."""
        for path in (self.root, self.logs, self.root / "files", self.root / "mlflow", self.root / "valkey"):
            path.mkdir(mode=0o700, parents=True, exist_ok=True)

    def lock(self) -> None:
        """Lock the folder for this process; `StackError` names the process that holds the lock."""
        handle = (self.root / "lock").open("a+", encoding="utf-8")
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            handle.seek(0)
            owner = handle.read().strip() or "unknown"
            handle.close()
            raise StackError(
                f"a stack is already running in {self.root} (process {owner}): "
                "use that one, stop it with Ctrl-C in its terminal, or start this one in another folder"
            ) from None
        handle.truncate(0)
        handle.write(f"{os.getpid()}\n")
        handle.flush()
        self._lock = handle

    def unlock(self) -> None:
        """Release the folder."""
        if self._lock is not None:
            (self.root / "running.json").unlink(missing_ok=True)
            self._lock.close()
            self._lock = None

    def secrets(self) -> Secrets:
        """The folder's secrets, made at the first call; only the owner can read their file."""
        path = self.root / "secrets.env"
        if not path.exists():
            text = f"CNNLAB_API_KEY={secrets.token_hex(24)}\nCNNLAB_REDIS_PASSWORD={secrets.token_hex(24)}\n"
            write_private(path, text)
        path.chmod(0o600)  # an editor may have written it anew, for everyone
        given = dict(
            line.split("=", 1) for line in path.read_text(encoding="utf-8").splitlines() if "=" in line
        )
        try:
            return Secrets(given["CNNLAB_API_KEY"], given["CNNLAB_REDIS_PASSWORD"])
        except KeyError as missing:
            raise StackError(
                f"{path} has no line {missing.args[0]}=…: add it, or delete the file to get new secrets"
            ) from None

    def announce(self, running: Running) -> None:
        """Record the running stack, so that other commands in this folder find it."""
        write_private(self.root / "running.json", json.dumps(asdict(running)))

    def running(self) -> Running | None:
        """The stack that is running here, if any; the record of one that was killed does not count."""
        try:
            running = Running(**json.loads((self.root / "running.json").read_text(encoding="utf-8")))
            os.kill(running.pid, 0)
        except (FileNotFoundError, ProcessLookupError, ValueError, TypeError):
            return None
        except PermissionError:
            pass  # it is running, under another user
        return running


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read, completely or not at all."""
    fresh = path.with_name(path.name + ".new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(
        os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8"
    ) as file:
        file.write(text)
    fresh.replace(path)
