"""A server as a child process that never outlives the tests, however they end."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path


def free_port() -> int:
    """A loopback port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


class Folder:
    """A temporary folder that `remove` deletes with all that servers left in it."""

    def __init__(self, name: str) -> None:
        self.path = Path(tempfile.mkdtemp(prefix=f"cnnlab-{name}-"))

    def remove(self) -> None:
        """Delete the folder."""
        shutil.rmtree(self.path, ignore_errors=True)


class Server:
    """A running server: its own process group, a log, and a guard.

    The guard is a shell that waits on a pipe from the tests; when they end without `stop`, even by SIGKILL,
    the pipe closes and the guard ends the server and removes its folder.
    """

    def __init__(
        self,
        command: Sequence[str | Path],
        folder: Folder,
        *,
        stop: signal.Signals = signal.SIGTERM,
        env: Mapping[str, str] | None = None,
    ) -> None:
        self.folder, self._stop = folder, stop
        self.log = folder.path / "server.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=dict(os.environ) | dict(env or {}),
                cwd=folder.path,
                start_new_session=True,
            )
        patience = f"for _ in $(seq 40); do kill -0 -{self.pid} || break; sleep 0.05; done"
        end = f"kill -{stop.name[3:]} -{self.pid}; {patience}; kill -KILL -{self.pid}; rm -rf '{folder.path}'"
        self._guard = subprocess.Popen(
            ["/bin/sh", "-c", f"read _; {end}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    @property
    def pid(self) -> int:
        """The process id, also that of its group."""
        return self.process.pid

    def wait_until(self, ready: Callable[[], bool], seconds: float) -> None:
        """Wait for a server to be ready; if it dies or stays silent, stop it and raise its last words."""
        end = time.monotonic() + seconds
        while not ready():
            if self.process.poll() is not None or time.monotonic() > end:
                said = self.log.read_text(errors="replace")[-3000:]
                code = self.process.poll()
                self.stop()
                why = f"silent for {seconds:.0f} s" if code is None else f"ended with {code}"
                raise RuntimeError(f"{self.process.args!r}: {why}; its log ends:\n{said}")
            time.sleep(0.02)

    def signal_group(self, number: signal.Signals) -> None:
        """Send a signal to the server and all that it started."""
        try:
            os.killpg(self.pid, number)
        except ProcessLookupError:
            return

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """Hold the server still, so that it takes connections and never answers."""
        self.signal_group(signal.SIGSTOP)
        try:
            yield
        finally:
            self.signal_group(signal.SIGCONT)

    def kill(self) -> None:
        """End the server at once, as a power cut would; the folder stays."""
        self._guard.kill()
        self._guard.wait()
        assert self._guard.stdin is not None
        self._guard.stdin.close()
        self.signal_group(signal.SIGKILL)
        self.process.wait()

    def stop(self) -> None:
        """End the server in good order and remove its folder."""
        self.signal_group(self._stop)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.signal_group(signal.SIGKILL)
        self.kill()
        self.folder.remove()
