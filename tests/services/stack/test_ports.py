"""services/stack/ports.py."""

from __future__ import annotations

import socket

import pytest

from services.stack import ports
from services.stack.errors import StackError


def test_a_port_in_use_is_refused_with_a_remedy() -> None:
    with socket.socket() as other:
        other.bind((ports.HOST, 0))
        other.listen()
        taken = other.getsockname()[1]
        with pytest.raises(StackError) as refused:
            ports.require(taken, "the API", "--port", "CNNLAB_PORT")
    words = str(refused.value)
    assert f"port {taken} (for the API) is in use by another program" in words
    assert "--port" in words
    assert "CNNLAB_PORT" in words


def test_a_free_port_is_free() -> None:
    port = ports.free()
    assert not ports.is_taken(port)
    ports.require(port, "the API", "--port", "CNNLAB_PORT")


def test_a_port_whose_last_connection_just_closed_is_free() -> None:
    server = socket.socket()
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.bind((ports.HOST, 0))
    server.listen()
    port = server.getsockname()[1]
    with socket.create_connection((ports.HOST, port)):
        accepted, _ = server.accept()
        accepted.close()  # the server's side closes first, so the wait for late packets is its own
    server.close()
    assert not ports.is_taken(port)
