"""A service of real processes that are started again when they end, as a process manager would do."""

from __future__ import annotations

import random
import secrets
import shutil
import signal
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
from plain_settings import settings_for
from pydantic import SecretStr
from servers import mlflow, postgres, redis
from servers.process import Folder, Server, free_port
from worker_process import descendants, environment

from services.client import Client
from services.store.session import Store

WORKERS = ("worker-0", "worker-1")
RESTART_PAUSE = 0.3  # seconds between two looks at which processes have ended


class Fleet:
    """PostgreSQL, Valkey, MLflow, the API, upkeep and two workers."""

    def __init__(self, folder: Path) -> None:
        self.postgres, self.redis, self.mlflow = postgres.start(), redis.start(), mlflow.start()
        # The tests' server acknowledges before it has written, and loses that when it is killed.
        self.postgres.execute("ALTER ROLE postgres SET synchronous_commit = on")
        self.key, self.port = secrets.token_hex(16), free_port()
        self.settings = settings_for(self.postgres.url(self.postgres.create()), folder).model_copy(
            update={
                "redis_url": SecretStr(self.redis.url),
                "mlflow_url": self.mlflow.url,
                "api_key": SecretStr(self.key),
                "devices": "cpu:0,cpu:1",
                "lease_ttl": 4.0,
                "heartbeat": 0.5,
                "redispatch": 2.0,
                "upkeep_period": 0.3,
                "checkpoint_every": 0.0,
                "stall_floor": 5.0,
                "stall_start": 40.0,
            }
        )
        self.store = Store(self.settings.database_url)
        self.client = Client(f"http://127.0.0.1:{self.port}", self.key)
        module = [sys.executable, "-m"]
        api = ["uvicorn", "--factory", "services.api.app:from_environment", "--port", str(self.port)]
        self._commands: Mapping[str, Sequence[str]] = {
            "api": [*module, *api, "--log-level", "warning"],
            "upkeep": [*module, "services.upkeep"],
            **{name: [*module, "workers"] for name in WORKERS},
        }
        self.servers = {name: self._start(name) for name in self._commands}
        self.restarts = 0
        self._stop = threading.Event()
        self._keeper = threading.Thread(target=self._keep)
        self._keeper.start()

    def submit(self, spec: Mapping[str, Any]) -> str:
        """Post a sweep until the API acknowledges it; its id. Its name is its key, so it is there once."""
        while True:
            try:
                return str(self.client.submit(dict(spec), key=spec["name"])["id"])
            except Exception as error:
                print(f"  submit of {spec['name']}, again: {type(error).__name__}")
                time.sleep(0.5)

    def _start(self, name: str) -> Server:
        return Server(list(self._commands[name]), Folder(name), env=environment(self.settings))

    def _keep(self) -> None:
        """Start again what has ended."""
        while not self._stop.wait(RESTART_PAUSE):
            for name, server in list(self.servers.items()):
                if server.process.poll() is not None:
                    server.stop()
                    self.servers[name] = self._start(name)
                    self.restarts += 1

    def close(self) -> None:
        """Stop everything."""
        self._stop.set()
        self._keeper.join()
        for server in self.servers.values():
            server.signal_group(signal.SIGCONT)
            server.stop()
        self.client.close()
        self.store.close()
        for server in (self.mlflow.server, self.redis.server, self.postgres.server):
            server.stop()

    # ---- the processes of a worker

    def runner(self, worker: str) -> int | None:
        """The process that trains."""
        return self._child(worker, trains=True)

    def supervisor(self, worker: str) -> int | None:
        """The process that holds the lease: the one child of Celery's main process that trains nothing."""
        return self._child(worker, trains=False)

    def _child(self, worker: str, trains: bool) -> int | None:
        for process in descendants(self.servers[worker].pid):
            try:
                if ("workers.runner" in process.cmdline()) == trains:
                    return process.pid
            except psutil.Error:
                continue
        return None

    def everyone(self, worker: str) -> list[int]:
        """Every process of a worker."""
        pid = self.servers[worker].pid
        return [pid, *(process.pid for process in descendants(pid))]

    # ---- the servers

    def restart_postgres(self, seconds: float) -> None:
        """End PostgreSQL at once, with every connection; start it again on its data after some seconds."""
        self.postgres.server.process.send_signal(signal.SIGQUIT)
        self.postgres.server.process.wait()
        self.postgres.server.kill()
        time.sleep(seconds)
        again = Server(_arguments(self.postgres.server), self.postgres.server.folder, stop=signal.SIGINT)
        object.__setattr__(self.postgres, "server", again)

    def restart_redis(self, empty: bool, seconds: float) -> None:
        """Kill Valkey; start it again after some seconds, perhaps without its data."""
        self.redis.server.kill()
        if empty:
            shutil.rmtree(self.redis.server.folder.path / "appendonlydir", ignore_errors=True)
        time.sleep(seconds)
        object.__setattr__(
            self.redis, "server", Server(_arguments(self.redis.server), self.redis.server.folder)
        )

    def restart_mlflow(self, seconds: float) -> None:
        """Kill MLflow; start it again after some seconds."""
        self.mlflow.server.kill()
        time.sleep(seconds)
        self.mlflow.restart()

    def damage_a_checkpoint(self, choose: random.Random) -> str | None:
        """Change one byte in the middle of a checkpoint's file."""
        files = sorted(self.settings.files.rglob("epoch-*.safetensors"))
        if not files:
            return None
        file = choose.choice(files)
        try:
            content = bytearray(file.read_bytes())
            content[len(content) // 2] ^= 0xFF
            file.write_bytes(content)
        except FileNotFoundError:  # upkeep was faster
            return None
        return file.name


def _arguments(server: Server) -> list[str | Path]:
    arguments = server.process.args
    assert isinstance(arguments, list)
    return arguments


@contextmanager
def running(folder: Path) -> Iterator[Fleet]:
    """A fleet for a block."""
    fleet = Fleet(folder)
    try:
        yield fleet
    finally:
        fleet.close()
