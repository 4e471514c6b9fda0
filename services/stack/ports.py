"""Ports of this machine: finding a free one, and saying in words that one is taken."""

from __future__ import annotations

import socket

from services.stack.errors import StackError

HOST = "127.0.0.1"


def free() -> int:
    """A port nobody listens on now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def is_taken(port: int) -> bool:
    """Whether another program holds the port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a connection just closed holds nothing
        try:
            probe.bind((HOST, port))
        except OSError:
            return True
    return False


def require(port: int, purpose: str, option: str, variable: str) -> None:
    """Raise `StackError` unless the port is free; the option and the variable are the ways to another one."""
    if is_taken(port):
        raise StackError(
            f"port {port}, wanted for {purpose}, is taken by another program: "
            f"stop that one, or choose another port with {option} or {variable}, e.g. {option} {free()}"
        )
