"""workers/main_process.py: a sign that is seen across a fork, and grows old when its process stands still."""

from __future__ import annotations

import os
import time

import pytest
from module_clock import set_clock

from workers import main_process as module
from workers.main_process import MainProcess


def test_a_sign_grows_old(monkeypatch: pytest.MonkeyPatch) -> None:
    main = MainProcess()
    assert main.pid == os.getpid()
    given = time.monotonic()
    set_clock(monkeypatch, module, monotonic=lambda: given + 40.0)
    assert 39.0 < main.silence() <= 40.1
    main.give_sign()
    assert main.silence() == 0.0


def test_a_sign_is_seen_by_another_process() -> None:
    main = MainProcess()
    main._memory[:8] = bytes(8)  # long ago
    assert main.silence() > 1.0
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        main.give_sign()
        os.write(write, b"x")
        os._exit(0)
    os.waitpid(child, 0)
    os.close(write)
    assert os.read(read, 1) == b"x"
    os.close(read)
    assert main.silence() < 5.0


def test_children_that_end_before_one_works_are_counted() -> None:
    main = MainProcess()
    assert [main.count_start() for _ in range(3)] == [1, 2, 3]
    assert main.silence() < 5.0
    main.child_works()
    assert main.count_start() == 1


def test_it_is_known_whether_a_child_had_a_predecessor() -> None:
    main = MainProcess()
    main.count_start()
    assert not main.has_restarted()
    main.child_works()
    main.count_start()
    assert main.has_restarted()
    main.child_works()
    assert main.has_restarted()
