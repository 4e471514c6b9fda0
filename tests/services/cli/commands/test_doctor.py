"""services/cli/commands/doctor.py: the whole report, of this machine and of an API."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from servers.process import free_port

from services.cli.doctor import machine
from services.stack.folder import Folder, Running

KEY = "k" * 32
Run = Callable[..., tuple[int, str, str]]


def levels(found: str) -> dict[str, str]:
    return {finding["name"]: finding["level"] for finding in json.loads(found)["findings"]}


@pytest.mark.long
def test_a_machine_with_everything(run: Run) -> None:
    code, out, _ = run("doctor", "--json")
    found = levels(out)
    assert (code, json.loads(out)["missing"]) == (0, 0)
    assert {found[name] for name in ("Python", "packages core", "torch", "redis", "devices")} == {"ok"}
    assert found["stack"] == "warn"


@pytest.fixture
def light_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    """A torch that is found without being loaded, where a test is about something else."""
    probe = json.dumps({"version": "2", "cuda": None, "names": []})
    monkeypatch.setattr(machine, "TORCH_PROBE", f"print({probe!r})")


@pytest.mark.usefixtures("light_torch")
def test_an_api_with_the_right_and_the_wrong_key(run: Run, api: str) -> None:
    code, out, _ = run("doctor", "--url", api, "--key", KEY, "--json")
    found = levels(out)
    assert found["key"] == "ok"
    assert found["API"] == "warn", "its Redis is away"
    assert found["workers"] == "missing"
    assert "stack" not in found
    assert code == 1
    assert levels(run("doctor", "--url", api, "--key", "x" * 32, "--json")[1])["key"] == "missing"
    assert levels(run("doctor", "--url", api, "--json")[1])["key"] == "missing"


@pytest.mark.usefixtures("light_torch")
def test_an_api_that_does_not_run(run: Run) -> None:
    code, out, _ = run("doctor", "--url", f"http://127.0.0.1:{free_port()}", "--key", KEY)
    assert code == 1
    assert "does not answer like the API" in out
    assert out.splitlines()[-1] == "1 thing missing."


@pytest.mark.long
@pytest.mark.usefixtures("light_torch")
def test_a_stack_whose_servers_do_not_answer(run: Run, tmp_path: Path) -> None:
    here = Folder(tmp_path)
    here.make()
    here.announce(Running(os.getpid(), f"http://127.0.0.1:{free_port()}", f"http://127.0.0.1:{free_port()}"))
    found = levels(run("doctor", "--json")[1])
    assert (found["stack"], found["API"], found["MLflow"], found["SQL"]) == (
        "ok",
        "missing",
        "warn",
        "missing",
    )
