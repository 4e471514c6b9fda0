"""The running stack: start every process, restart those that exit, stop all in reverse order."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx2
import psutil

from services.client import ApiError, Client
from services.settings import Settings
from services.stack import layout
from services.stack.errors import StackError
from services.stack.folder import Folder, Running
from services.stack.interrupt import Interrupt
from services.stack.layout import Ports
from services.stack.ports import HOST, free
from services.stack.processes import Child, ProcessSpec, describe_exit, execute
from services.stack.template_process import Template
from services.training_environment import threads_environment

POLL_SECONDS = 0.1  # between two checks of the processes
# Before the second restart in a row, doubled with each after it; the first follows at once.
FIRST_PAUSE_SECONDS, MAX_PAUSE_SECONDS = 0.5, 30.0
HEALTHY_SECONDS = 20.0  # after which earlier failures of a process no longer count
READY_TIMEOUT = 90.0  # seconds until the first answer; a slow machine takes long to import torch
HTTP_TIMEOUT = 2.0  # seconds


@dataclass
class ManagedProcess:
    """A process of the stack: what to run, the child that runs it, and when to restart it after a failure."""

    spec: ProcessSpec
    child: Child | None = None
    failures: int = 0
    restart_at: float = 0.0


class Stack:
    """The processes of one folder. Not for threads: a child ends with the thread that started it."""

    def __init__(
        self, parent: Path, ports: tuple[int, int], workers: int | None, message: Callable[[str], None]
    ) -> None:
        api, mlflow = ports
        self.folder = Folder(parent)
        self.ports = Ports(api, mlflow, free())
        self.devices = layout.find_devices(workers)
        self.api = f"http://{HOST}:{api}"
        self.mlflow = f"http://{HOST}:{mlflow}"
        self.interrupt = Interrupt()
        self._message = message
        self._managed: list[ManagedProcess] = []
        self._template: Template | None = None

    @property
    def key(self) -> str:
        """The API's key."""
        return self.folder.secrets().api_key

    def __enter__(self) -> Self:
        self.interrupt.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.stop()
        finally:
            self.interrupt.__exit__(kind, error, trace)

    def take_folder(self) -> None:
        """Lock the folder for this stack; `StackError` if another one is running in it."""
        self.folder.make()
        self.folder.lock()

    def start(self) -> None:
        """Start every process, API and workers after the migrations; `StackError` if a setting is wrong.

        What has not started when a stop is requested does not start any more.
        """
        secrets = self.folder.secrets()
        env = layout.environment(os.environ, self.folder, secrets, self.ports, self.devices)
        if faults := Settings.faults(env):  # every child would fail with them, again and again
            raise StackError(faults)
        # Of all, though only runners train: a fork has what its template had when that loaded torch.
        env |= threads_environment(Settings.of(env).threads)
        processes = layout.processes(env, self.folder, secrets, self.ports, self.devices)
        self._managed = [ManagedProcess(spec) for spec in processes]
        migrations = layout.migrations(env)
        with Template(
            layout.template(env),
            self.folder.logs / "template.log",
            self.folder.root.parent,
            room=max(len(" ".join(spec.argv).encode()) for spec in processes),
            gives_up=lambda: self.interrupt.requested,
        ) as self._template:
            self._template.load(layout.FOR_MLFLOW)
            self._launch(0)
            self._template.load(layout.FOR_MIGRATIONS)
            migrating = self._spawn(migrations)
            self._template.load(layout.FOR_ALL)
            self._wait_for_migrations(migrating)
            self._launch(1)
            self._launch(2)
        self.folder.announce(Running(os.getpid(), self.api, self.mlflow))

    def wait_until_ready(self) -> bool:
        """Wait until a sweep would train: the API answers, a device is claimed. False if interrupted."""
        end = time.monotonic() + READY_TIMEOUT
        with (
            httpx2.Client(timeout=HTTP_TIMEOUT, trust_env=False) as http,
            Client(self.api, self.key) as client,
        ):
            while not self.interrupt.requested:
                self.keep_alive()
                missing = self._missing(http, client)
                if missing is None:
                    return True
                if time.monotonic() > end:
                    raise StackError(
                        f"not ready after {READY_TIMEOUT:.0f} s: {missing}; logs: {self.folder.logs}"
                    )
                time.sleep(POLL_SECONDS)
        return False

    def keep_alive(self) -> None:
        """Restart the processes that have exited, each time after a longer pause, with a message."""
        now = time.monotonic()
        for managed in self._managed:
            if managed.child is None:
                if now >= managed.restart_at:
                    managed.child = self._spawn(managed.spec)
                continue
            code = managed.child.exit_code()
            if code is None:
                continue
            managed.failures = 1 if managed.child.age() > HEALTHY_SECONDS else managed.failures + 1
            pause = restart_pause(managed.failures)
            when = f"in {pause:g} s" if pause else "now"
            self._message(
                f"{managed.spec.name} exited after {managed.child.age():.0f} s ({describe_exit(code)}); "
                f"restarting it {when}; log: {managed.child.log}"
            )
            managed.child.kill()
            managed.child, managed.restart_at = None, now + pause

    def mlflow_answers(self) -> bool:
        """Whether MLflow has finished starting."""
        with httpx2.Client(timeout=HTTP_TIMEOUT, trust_env=False) as http:
            return _answers(http, f"{self.mlflow}/health")

    def stop(self) -> None:
        """Stop tier by tier, workers first; a second interrupt kills at once. No process is left behind."""
        descendants = self._descendants()
        for tier in sorted({managed.spec.tier for managed in self._managed}, reverse=True):
            children = [
                managed.child for managed in self._managed if managed.child and managed.spec.tier == tier
            ]
            requested_at = time.monotonic()
            for child in children:
                child.terminate()
            for child in children:
                end = requested_at + child.spec.stop_seconds
                while not child.wait(POLL_SECONDS) and not self.interrupt.forced and time.monotonic() < end:
                    pass
                if child.exit_code() is None:
                    waited = time.monotonic() - requested_at
                    self._message(f"{child.spec.name} did not stop within {waited:.0f} s: killing it")
                child.kill()
        self._managed = []
        for process in descendants:  # those with a session of their own
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        self.folder.unlock()

    def _launch(self, tier: int) -> None:
        for managed in self._managed:
            if managed.spec.tier == tier and not self.interrupt.requested:
                managed.child = self._spawn(managed.spec)

    def _descendants(self) -> list[psutil.Process]:
        descendants: list[psutil.Process] = []
        for managed in self._managed:
            if managed.child is not None:
                with contextlib.suppress(psutil.NoSuchProcess):
                    descendants += psutil.Process(managed.child.pid).children(recursive=True)
        return descendants

    def _spawn(self, spec: ProcessSpec) -> Child:
        log = self.folder.logs / f"{spec.name}.log"
        if self._template and spec.forks and (process := self._template.fork(spec.argv, spec.env, log)):
            return Child(spec, log, process)
        return execute(spec, log, self.folder.root.parent)

    def _wait_for_migrations(self, child: Child) -> None:
        while not child.wait(POLL_SECONDS):
            if self.interrupt.forced or child.age() > READY_TIMEOUT:
                child.kill()
        if child.exit_code() != 0:
            raise StackError(f"the database migration failed: {child.last_log_line()} (log: {child.log})")

    def _missing(self, http: httpx2.Client, client: Client) -> str | None:
        """What a first sweep would still wait for; None if nothing."""
        if not _answers(http, f"{self.api}/ready"):
            return "the API does not answer yet" + self._log_hint("api")
        try:
            devices = client.workers()["devices"]
        except (ApiError, httpx2.HTTPError) as error:
            return f"the API cannot list its workers: {error}"
        if not any(device["alive"] for device in devices):
            return "no worker has claimed a device yet" + self._log_hint("worker-0")
        return None

    def _log_hint(self, name: str) -> str:
        """The last line of a process's log, as an explanation."""
        for managed in self._managed:
            if managed.spec.name == name and managed.child is not None and managed.child.last_log_line():
                return f" (last line of its log: {managed.child.last_log_line()})"
        return ""


def restart_pause(failures: int) -> float:
    """Seconds before a process that has failed so many times in a row is restarted: 0, 0.5, 1, 2 … 30."""
    if failures == 1:
        return 0.0
    doublings = min(failures - 2, 10)  # enough for the longest pause; without a limit they overflow
    return min(FIRST_PAUSE_SECONDS * 2.0**doublings, MAX_PAUSE_SECONDS)


def _answers(http: httpx2.Client, url: str) -> bool:
    try:
        return http.get(url).is_success
    except httpx2.HTTPError:
        return False
