"""services/cli: every command against a real API with nobody to train."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

import pytest
from servers.process import free_port
from sqlalchemy import update

from services.stack.folder import Folder as StackFolder
from services.stack.folder import Running
from services.store.models import Trial
from services.store.session import Store
from services.upkeep.settle import settle

EXAMPLE = Path(__file__).parents[3] / "examples" / "dropout-grid.yaml"
KEY = "k" * 32
Run = Callable[..., tuple[int, str, str]]


def test_a_sweep_from_submit_to_its_end(at: Run, state: Store) -> None:
    code, out, _ = at("submit", str(EXAMPLE), "--json")
    assert code == 0
    sweep = json.loads(out)
    assert sweep["trials"]["total"] == 18

    code, out, _ = at("ls")
    assert code == 0
    assert sweep["id"] in out
    assert " 0/18 " in out

    code, out, _ = at("show", sweep["id"])
    assert code == 0
    assert "18 trials" in out
    assert "dropout val/acc" in " ".join(out.split())
    assert "no worker is running" in out

    code, out, _ = at("show", sweep["id"], "--json")
    trial = json.loads(out)["leaderboard"][0]["trials"][0]
    code, out, _ = at("show", trial["id"])
    assert code == 0
    assert f"of sweep {sweep['id']}" in out

    code, out, _ = at("cancel", sweep["id"])
    assert code == 0
    assert "cancel" in out
    settle(state)

    code, out, _ = at("watch", sweep["id"], "--json")
    assert code == 1
    assert json.loads(out.splitlines()[-1])["state"] == "cancelled"

    code, _, err = at("pause", sweep["id"])
    assert code == 1
    assert "is cancelled; only an active sweep can be paused" in err
    assert " 0/18 " in at("ls")[1], "what was cancelled has not succeeded"


def test_failed_trials_are_told_with_their_reason(at: Run, state: Store) -> None:
    sweep = json.loads(at("submit", str(EXAMPLE), "--json")[1])["id"]
    board = json.loads(at("show", sweep, "--json")[1])["leaderboard"]
    ids = sorted(trial["id"] for point in board for trial in point["trials"])
    for trial, message in zip(ids, ["the loss is [nan]"] * 17 + ["no memory"], strict=True):
        failure = {"kind": "diverged", "message": message}
        change = update(Trial).where(Trial.id == trial).values(state="failed", pack_id=None, failure=failure)
        state.write(lambda session, change=change: session.execute(change))
    settle(state)

    for command in ("watch", "show"):
        code, out, _ = at(command, sweep)
        assert code == (command == "watch")
        assert f"17 trials failed: the loss is [nan] (see `cnnlab show {ids[0]}`)" in out
        assert f"1 trial failed: no memory (see `cnnlab show {ids[-1]}`)" in out


def test_the_key_may_come_from_the_environment(run: Run, api: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CNNLAB_URL", api)
    monkeypatch.setenv("CNNLAB_API_KEY", KEY)
    code, out, _ = run("ls", "--json")
    assert code == 0
    assert isinstance(json.loads(out), list)


def test_a_wrong_key_is_told(run: Run, api: str) -> None:
    code, _, err = run("ls", "--url", api, "--key", "x" * 32)
    assert code == 1
    assert "key" in err


def test_an_address_without_a_key_is_told(run: Run, api: str) -> None:
    code, _, err = run("ls", "--url", api)
    assert code == 2
    assert "--key or CNNLAB_API_KEY" in err


def test_no_stack_here_is_told(run: Run) -> None:
    code, _, err = run("ls")
    assert code == 1
    assert "no stack is running in" in err
    assert "cnnlab up" in err


def test_a_stack_here_whose_api_is_away_is_told(run: Run, tmp_path: Path) -> None:
    here = StackFolder(tmp_path)
    here.make()
    here.announce(Running(os.getpid(), f"http://127.0.0.1:{free_port()}", "http://127.0.0.1:1"))
    code, _, err = run("ls")
    assert code == 1
    assert "the stack in this folder runs" in err
    assert "try again" in err


def test_one_port_for_two_servers_is_refused(run: Run, tmp_path: Path) -> None:
    code, _, err = run("up", "--port", "18080", "--mlflow-port", "18080")
    assert code == 2
    assert "port 18080 is given to both the API and MLflow" in err
    assert list(tmp_path.iterdir()) == []


def test_the_version(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metadata, "version", lambda name: f"1.2 of {name}")
    assert run("--version") == (0, "cnnlab 1.2 of cnnlab\n", "")


def test_an_api_that_does_not_run_is_told(run: Run) -> None:
    code, _, err = run("ls", "--url", f"http://127.0.0.1:{free_port()}", "--key", KEY)
    assert code == 1
    assert "does not answer" in err


def test_every_fault_of_a_spec_is_told_with_its_place(at: Run, tmp_path: Path) -> None:
    path = tmp_path / "sweep.yaml"
    path.write_text(EXAMPLE.read_text().replace("lenet5", "lenet6").replace("name: dropout-grid", "name: ''"))
    code, _, err = at("submit", str(path))
    assert code == 1
    assert "/name" in err

    path.write_text(EXAMPLE.read_text().replace("lenet5", "lenet6"))
    code, _, err = at("submit", str(path))
    assert code == 1
    assert "/model" in err
    assert "lenet5" in err


def test_a_missing_file_is_told(at: Run) -> None:
    code, _, err = at("submit", "none.yaml")
    assert code == 2
    assert "no file none.yaml" in err


def test_an_unknown_sweep_is_told(at: Run) -> None:
    for command in ("watch", "show", "cancel"):
        code, _, err = at(command, "0000000000")
        assert code == 1
        assert "0000000000" in err
    code, _, err = at("show", "0000000000")
    assert "no sweep and no trial '0000000000'; `cnnlab ls` lists the sweeps" in err
