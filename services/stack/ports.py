"""Ports of this machine: the default ones, a free one, and a refusal of one that is in use."""

from __future__ import annotations

import socket

from services.stack.errors import StackError

HOST = "127.0.0.1"
DEFAULT_API_PORT = 8080
DEFAULT_MLFLOW_PORT = 5500


def free() -> int:
    """A port that no program listens on now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def is_taken(port: int) -> bool:
    """Whether another program uses the port."""
    with socket.socket() as probe:
        probe.setsockopt(
            socket.SOL_SOCKET, socket.SO_REUSEADDR, 1
        )  # a port is free again as soon as its last connection is closed
        try:
            probe.bind((HOST, port))
        except OSError:
            return True
    return False


def require(port: int, purpose: str, option: str, variable: str) -> None:
    """Raise `StackError` unless the port is free; the message names the option and variable to change it."""
    if is_taken(port):
        raise StackError(
            f"port {port} (for {purpose}) is in use by another program: "
            f"stop that program, or choose another port with {option} or {variable}, e.g. {option} {free()}"
        )
