"""workers/wire.py on real pipes: messages in pieces, several at once, longer than a pipe, and the end."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator

import pytest

from workers.messages import CheckpointDamaged, Go, MessageError, Stop, encode
from workers.wire import Wire


@pytest.fixture
def wires() -> Iterator[tuple[Wire, Wire]]:
    """Both ends of a conversation."""
    (to_b, from_a), (to_a, from_b) = os.pipe(), os.pipe()
    ends = Wire(to_a, from_a), Wire(to_b, from_b)
    yield ends
    for end in ends:
        end.close()


def test_both_directions(wires: tuple[Wire, Wire]) -> None:
    one, other = wires
    one.send(Stop("p"))
    other.send(Go("p", (1, 2)))
    assert (other.receive(), one.receive()) == (Stop("p"), Go("p", (1, 2)))


def test_messages_that_arrive_at_once_or_in_pieces(wires: tuple[Wire, Wire]) -> None:
    one, other = wires
    line = encode(Stop("p"))
    os.write(one.write_fd, line + line + line[:5])
    assert other.receive() == Stop("p")
    assert other.readable()  # the second one has been read from the pipe already
    assert other.receive() == Stop("p")
    assert not other.readable()
    os.write(one.write_fd, line[5:])
    assert other.receive() == Stop("p")


def test_a_message_that_is_longer_than_a_pipe_holds(wires: tuple[Wire, Wire]) -> None:
    one, other = wires
    long = CheckpointDamaged("p", 1, "x" * 1_000_000)
    sending = threading.Thread(target=one.send, args=(long,))
    sending.start()
    assert other.receive() == long
    sending.join()


def test_the_end_is_none_even_in_the_middle_of_a_message() -> None:
    read_fd, write_fd = os.pipe()
    wire = Wire(read_fd, os.open(os.devnull, os.O_WRONLY))
    os.write(write_fd, encode(Stop("p"))[:-3])
    os.close(write_fd)
    assert wire.readable()
    assert wire.receive() is None
    wire.close()


def test_sending_to_nobody_is_a_broken_pipe() -> None:
    read_fd, write_fd = os.pipe()
    os.close(read_fd)
    wire = Wire(os.open(os.devnull, os.O_RDONLY), write_fd)
    with pytest.raises(BrokenPipeError):
        wire.send(Stop("p"))
    wire.close()


def test_a_line_that_is_no_message_is_refused_and_the_next_one_read(wires: tuple[Wire, Wire]) -> None:
    one, other = wires
    os.write(one.write_fd, b"a warning of some library\n" + encode(Stop("p")))
    with pytest.raises(MessageError, match="got 'a warning of some library'"):
        other.receive()
    assert other.receive() == Stop("p")
