"""services/cli/connection.py: which API a command uses, and what it prints if there is none."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from servers.process import free_port

from services.stack.folder import Folder as StackFolder
from services.stack.folder import Running

KEY = "k" * 32
Run = Callable[..., tuple[int, str, str]]


def test_the_key_may_come_from_the_environment(run: Run, api: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CNNLAB_URL", api)
    monkeypatch.setenv("CNNLAB_API_KEY", KEY)
    code, out, _ = run("ls", "--json")
    assert code == 0
    assert isinstance(json.loads(out), list)


def test_a_wrong_key(run: Run, api: str) -> None:
    code, _, err = run("ls", "--url", api, "--key", "x" * 32)
    assert code == 1
    assert "key" in err


def test_an_address_without_a_key(run: Run, api: str) -> None:
    code, _, err = run("ls", "--url", api)
    assert code == 2
    assert "--key or CNNLAB_API_KEY" in err


def test_no_stack_here(run: Run) -> None:
    code, _, err = run("ls")
    assert code == 1
    assert "no stack is running in" in err
    assert "cnnlab up" in err


def test_a_stack_here_whose_api_does_not_answer(run: Run, tmp_path: Path) -> None:
    here = StackFolder(tmp_path)
    here.make()
    here.announce(Running(os.getpid(), f"http://127.0.0.1:{free_port()}", "http://127.0.0.1:1"))
    code, _, err = run("ls")
    assert code == 1
    assert "a stack is running in this folder, but its API does not answer yet" in err
    assert "try again" in err


def test_an_api_that_does_not_run(run: Run) -> None:
    code, _, err = run("ls", "--url", f"http://127.0.0.1:{free_port()}", "--key", KEY)
    assert code == 1
    assert "does not answer" in err
    assert "check the address" in err


def test_a_key_from_a_windows_file_is_named_and_not_shown(run: Run, api: str) -> None:
    code, _, err = run("ls", "--url", api, "--key", f"{KEY}\r")
    assert code == 2
    assert "carriage return" in err
    assert KEY[:8] not in err


def test_an_address_that_is_none(run: Run) -> None:
    code, _, err = run("ls", "--url", "http://[::1", "--key", KEY)
    assert code == 2
    assert "is not an address" in err


def test_the_address_that_up_prints(run: Run, api: str) -> None:
    assert run("ls", "--url", f"{api}/#key={KEY}", "--key", KEY)[0] == 0


def test_a_proxy_is_not_asked_for_this_machine(run: Run, api: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{free_port()}")
    monkeypatch.delenv("NO_PROXY", raising=False)
    assert run("ls", "--url", api, "--key", KEY)[0] == 0
