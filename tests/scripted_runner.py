"""A runner on paper: both ends of its pipes, so that a test can play its part."""

from __future__ import annotations

import os

from workers.messages import Engine, Machine, Message, RunnerReady, encode
from workers.wire import Wire

MACHINE = Machine("paper", "0", 1, "torch")
ENGINE = Engine("called", "torch", "float32", "together")


class ScriptedRunner:
    """Both ends of a runner's pipes; the test plays the runner's part."""

    def __init__(self, machine: Machine | None) -> None:
        to_child, from_parent = os.pipe()
        to_parent, from_child = os.pipe()
        self.output, self.output_end = os.pipe()
        os.set_blocking(self.output, False)
        self.wire, self.own = Wire(to_parent, from_parent), Wire(to_child, from_child)
        self.pidfd, self.machine, self.killed, self.unusable = None, machine, False, ""

    def send(self, *messages: Message) -> None:
        """Write these messages at once."""
        os.write(self.own.write_fd, b"".join(map(encode, messages)))

    def receive(self) -> Message:
        """What the supervisor sends."""
        message = self.own.receive()
        assert message is not None
        return message

    def die(self) -> None:
        """Close the pipes, as the death of a process does."""
        self.own.close()

    def mark_ready(self, ready: RunnerReady) -> None:
        self.machine, self.unusable = ready.machine, ready.unusable

    def read_output(self) -> bytes:
        try:
            return os.read(self.output, 65536)
        except BlockingIOError:
            return b""

    def kill(self) -> None:
        self.killed = True

    def describe_exit(self) -> str:
        return "a script's end"
