"""The folder `.cnnlab/`: data that the next start finds again, secrets, logs, and who is running in it."""

from __future__ import annotations

import fcntl
import json
import os
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

from services.stack.errors import StackError

NAME = ".cnnlab"


@dataclass(frozen=True)
class Secrets:
    """Made once per folder and kept."""

    api_key: str
    redis_password: str


@dataclass(frozen=True)
class Running:
    """Where a running stack answers."""

    pid: int
    api: str
    mlflow: str


class Folder:
    """A stack's files below one working directory."""

    def __init__(self, parent: Path) -> None:
        self.root = parent.absolute() / NAME
        self._lock: IO[str] | None = None

    @property
    def logs(self) -> Path:
        """One log per child."""
        return self.root / "logs"

    def make(self) -> None:
        """Create what is missing; nobody but the owner may read it."""
        for path in (self.root, self.logs, self.root / "files", self.root / "mlflow", self.root / "valkey"):
            path.mkdir(mode=0o700, parents=True, exist_ok=True)

    def lock(self) -> None:
        """Take the folder for this process; `StackError` names the process that has it."""
        handle = (self.root / "lock").open("a+", encoding="utf-8")
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            handle.seek(0)
            owner = handle.read().strip() or "unknown"
            handle.close()
            raise StackError(
                f"a stack is already running in {self.root} (process {owner}): "
                "use that one, stop it with Ctrl-C where it runs, or start this one in another folder"
            ) from None
        handle.truncate(0)
        handle.write(f"{os.getpid()}\n")
        handle.flush()
        self._lock = handle

    def unlock(self) -> None:
        """Give the folder back."""
        if self._lock is not None:
            (self.root / "running.json").unlink(missing_ok=True)
            self._lock.close()
            self._lock = None

    def secrets(self) -> Secrets:
        """The folder's secrets, made at the first call; the file is the owner's alone."""
        path = self.root / "secrets.env"
        if not path.exists():
            text = f"CNNLAB_API_KEY={secrets.token_hex(24)}\nCNNLAB_REDIS_PASSWORD={secrets.token_hex(24)}\n"
            write_private(path, text)
        given = dict(
            line.split("=", 1) for line in path.read_text(encoding="utf-8").splitlines() if "=" in line
        )
        try:
            return Secrets(given["CNNLAB_API_KEY"], given["CNNLAB_REDIS_PASSWORD"])
        except KeyError as missing:
            raise StackError(
                f"{path} has no line {missing.args[0]}=…: add it, or delete the file to have new ones made"
            ) from None

    def announce(self, running: Running) -> None:
        """Let other commands of this folder find the stack."""
        write_private(self.root / "running.json", json.dumps(asdict(running)))

    def running(self) -> Running | None:
        """The stack that runs here, if one does; what a killed one left behind does not count."""
        try:
            found = Running(**json.loads((self.root / "running.json").read_text(encoding="utf-8")))
            os.kill(found.pid, 0)
        except (FileNotFoundError, ProcessLookupError, ValueError, TypeError):
            return None
        except PermissionError:
            pass  # it lives, under another user
        return found


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read, whole or not at all."""
    fresh = path.with_name(path.name + ".new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(
        os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8"
    ) as file:
        file.write(text)
    fresh.replace(path)
