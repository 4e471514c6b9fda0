"""Start every process, keep each alive, and stop them all in reverse order."""

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
from services.stack.processes import Child, Command, in_words

TICK = 0.1
LONGEST_PAUSE = 30.0
PROVEN = 60.0  # seconds after which a child counts as healthy again
PATIENCE = 90.0  # for the first answer; a slow machine imports torch for a long time


@dataclass
class Post:
    """A command's place in the stack: its child, and when it may be started again."""

    command: Command
    child: Child | None = None
    falls: int = 0
    again_at: float = 0.0


class Stack:
    """The processes below one folder. Not for threads: a child dies with the thread that started it."""

    def __init__(
        self, parent: Path, ports: tuple[int, int], workers: int | None, say: Callable[[str], None]
    ) -> None:
        api, mlflow = ports
        self.folder = Folder(parent)
        self.ports = Ports(api, mlflow, free())
        self.devices = layout.find_devices(workers)
        self.api = f"http://{HOST}:{api}"
        self.mlflow = f"http://{HOST}:{mlflow}"
        self.interrupt = Interrupt()
        self._say = say
        self._posts: list[Post] = []

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
        """Make the folder this stack's own; `StackError` if another one runs in it."""
        self.folder.make()
        self.folder.lock()

    def start(self) -> None:
        """Start everything, the API and the workers after the schema; `StackError` if a setting is wrong."""
        secrets = self.folder.secrets()
        env = layout.environment(os.environ, self.folder, secrets, self.ports, self.devices)
        if faults := Settings.faults(env):  # else every child would end with it, again and again
            raise StackError(faults)
        commands = layout.commands(env, self.folder, secrets, self.ports, self.devices)
        self._posts = [Post(command) for command in commands]
        self._launch(0)
        self._migrate(layout.migrations(env))
        self._launch(1)
        self._launch(2)
        self.folder.announce(Running(os.getpid(), self.api, self.mlflow))

    def wait_until_ready(self) -> bool:
        """Wait until a sweep would train: API there, a device claimed. False: interrupted before."""
        end = time.monotonic() + PATIENCE
        with httpx2.Client(timeout=2) as http, Client(self.api, self.key) as client:
            while not self.interrupt.asked:
                self.keep_alive()
                missing = self._missing(http, client)
                if missing is None:
                    return True
                if time.monotonic() > end:
                    raise StackError(f"not ready after {PATIENCE:.0f} s: {missing}; logs: {self.folder.logs}")
                time.sleep(TICK)
        return False

    def keep_alive(self) -> None:
        """Start again what has ended, each time after a longer pause, and say so."""
        now = time.monotonic()
        for post in self._posts:
            if post.child is None:
                if now >= post.again_at:
                    post.child = self._spawn(post.command)
                continue
            code = post.child.ended()
            if code is None:
                continue
            post.falls = 1 if post.child.age() > PROVEN else post.falls + 1
            pause = min(0.5 * 2 ** (post.falls - 1), LONGEST_PAUSE)
            self._say(
                f"{post.command.name} ended after {post.child.age():.0f} s ({in_words(code)}); "
                f"starting it again in {pause:g} s; its log: {post.child.log}"
            )
            post.child.kill()
            post.child, post.again_at = None, now + pause

    def mlflow_answers(self) -> bool:
        """Whether MLflow has finished starting."""
        with httpx2.Client(timeout=2) as http:
            return _answers(http, f"{self.mlflow}/health")

    def stop(self) -> None:
        """Stop tier by tier, workers first; a second interrupt kills at once. Leaves no process behind."""
        family = self._descendants()
        for tier in sorted({post.command.tier for post in self._posts}, reverse=True):
            children = [post.child for post in self._posts if post.child and post.command.tier == tier]
            asked = time.monotonic()
            for child in children:
                child.ask_to_stop()
            for child in children:
                end = asked + child.command.patience
                while not child.wait(TICK) and not self.interrupt.insisted and time.monotonic() < end:
                    pass
                if child.ended() is None:
                    self._say(
                        f"{child.command.name} did not stop in {time.monotonic() - asked:.0f} s and is killed"
                    )
                child.kill()
        self._posts = []
        for process in family:  # what ran in a session of its own
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        self.folder.unlock()

    def _launch(self, tier: int) -> None:
        for post in self._posts:
            if post.command.tier == tier:
                post.child = self._spawn(post.command)

    def _descendants(self) -> list[psutil.Process]:
        found: list[psutil.Process] = []
        for post in self._posts:
            if post.child is not None:
                with contextlib.suppress(psutil.NoSuchProcess):
                    found += psutil.Process(post.child.pid).children(recursive=True)
        return found

    def _spawn(self, command: Command) -> Child:
        return Child(command, self.folder.logs / f"{command.name}.log", self.folder.root.parent)

    def _migrate(self, command: Command) -> None:
        child = self._spawn(command)
        while not child.wait(TICK):
            if self.interrupt.insisted or child.age() > PATIENCE:
                child.kill()
        if child.ended() != 0:
            raise StackError(
                f"the database could not be brought up to date: {child.last_words()} (log: {child.log})"
            )

    def _missing(self, http: httpx2.Client, client: Client) -> str | None:
        """What a first sweep still waits for, in words."""
        if not _answers(http, f"{self.api}/ready"):
            return "the API does not answer yet" + self._excuse("api")
        try:
            devices = client.workers()["devices"]
        except (ApiError, httpx2.HTTPError) as error:
            return f"the API cannot list its workers: {error}"
        if not any(device["alive"] for device in devices):
            return "no worker has claimed a device yet" + self._excuse("worker-0")
        return None

    def _excuse(self, name: str) -> str:
        """The last line of a log, for when waiting was in vain."""
        for post in self._posts:
            if post.command.name == name and post.child is not None and post.child.last_words():
                return f" (it last said: {post.child.last_words()})"
        return ""


def _answers(http: httpx2.Client, url: str) -> bool:
    try:
        return http.get(url).is_success
    except httpx2.HTTPError:
        return False
