"""services/lock_file.py: a lock shows the death of its holder, however it came, and no other."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from services import lock_file

ROOT = Path(__file__).parents[2]
HOLD = r"""
import os, sys, time
from services import lock_file
lock_file.hold(sys.argv[1])
if sys.argv[2] == "fork" and os.fork() == 0:
    os.write(1, f"{os.getpid()}\n".encode())
    time.sleep(60)
os.write(1, b"held\n")
time.sleep(60)
"""


@pytest.fixture
def token() -> Iterator[str]:
    """A claim's token; its file is deleted at the end."""
    made = secrets.token_hex(16)
    yield made
    lock_file.remove(made)


def holder(token: str, how: str = "alone") -> subprocess.Popen[str]:
    """A process that holds the lock."""
    return subprocess.Popen(
        [sys.executable, "-c", HOLD, token, how], stdout=subprocess.PIPE, text=True, cwd=ROOT
    )


def end(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.wait()
    assert process.stdout
    process.stdout.close()


def test_a_lock_is_dropped_with_its_holder(token: str) -> None:
    process = holder(token)
    assert process.stdout
    assert process.stdout.readline() == "held\n"
    assert not lock_file.is_dropped(token)
    process.send_signal(signal.SIGSTOP)
    assert not lock_file.is_dropped(token)  # one that hangs is not dead
    end(process)
    assert lock_file.is_dropped(token)
    assert lock_file.is_dropped(token)  # a look changes nothing
    lock_file.remove(token)
    assert not lock_file.is_dropped(token)


def test_a_child_of_the_holder_keeps_the_lock(token: str) -> None:
    process = holder(token, "fork")
    assert process.stdout
    lines = {process.stdout.readline().strip(), process.stdout.readline().strip()}
    (child,) = lines - {"held"}
    process.kill()
    process.wait()
    assert not lock_file.is_dropped(token)
    os.kill(int(child), signal.SIGKILL)
    assert process.stdout.read() == ""  # its end of the pipe is closed when the child is gone
    process.stdout.close()
    assert lock_file.is_dropped(token)


def test_nothing_is_known_of_a_claim_that_was_made_elsewhere(token: str) -> None:
    assert not lock_file.is_dropped(token)


def test_another_boot_s_file_says_nothing(token: str, monkeypatch: pytest.MonkeyPatch) -> None:
    os.close(lock_file.hold(token))
    assert lock_file.is_dropped(token)
    read = Path.read_text
    monkeypatch.setattr(Path, "read_text", lambda path: "another" if path.name == "boot_id" else read(path))
    assert not lock_file.is_dropped(token)
    monkeypatch.undo()


def test_a_file_is_private_and_does_not_name_its_token(token: str) -> None:
    held = lock_file.hold(token)
    path = lock_file.path_of(token)
    assert path.stat().st_mode & 0o777 == 0o600
    assert token not in path.name
    assert not os.get_inheritable(held)  # a runner, which is another program, must not keep it
    os.close(held)
