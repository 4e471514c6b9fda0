"""services/cli/doctor: each check on a machine that has it, and on one that has not."""

from __future__ import annotations

import json
import os
import shutil
import socket
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from servers.process import free_port

from migrations.apply import downgrade
from services import host
from services.cli.doctor import machine, packages, service
from services.stack.folder import Folder, Running

KEY = "k" * 32
Run = Callable[..., tuple[int, str, str]]


def levels(found: str) -> dict[str, str]:
    return {finding["name"]: finding["level"] for finding in json.loads(found)["findings"]}


def test_a_sound_machine_lacks_nothing(run: Run) -> None:
    code, out, _ = run("doctor", "--json")
    told = levels(out)
    assert (code, json.loads(out)["missing"]) == (0, 0)
    assert {told[name] for name in ("Python", "packages core", "torch", "redis", "devices")} == {"ok"}
    assert told["stack"] == "warn"


def test_an_api_with_the_right_and_the_wrong_key(run: Run, api: str) -> None:
    code, out, _ = run("doctor", "--url", api, "--key", KEY, "--json")
    told = levels(out)
    assert told["key"] == "ok"
    assert told["API"] == "warn", "its Redis is away"
    assert told["workers"] == "missing"
    assert "stack" not in told
    assert code == 1
    assert levels(run("doctor", "--url", api, "--key", "x" * 32, "--json")[1])["key"] == "missing"
    assert levels(run("doctor", "--url", api, "--json")[1])["key"] == "missing"


def test_an_api_that_does_not_run(run: Run) -> None:
    code, out, _ = run("doctor", "--url", f"http://127.0.0.1:{free_port()}", "--key", KEY)
    assert code == 1
    assert "does not answer as the API" in out
    assert out.splitlines()[-1] == "1 thing missing"


def test_a_stack_whose_servers_are_away(run: Run, tmp_path: Path) -> None:
    here = Folder(tmp_path)
    here.make()
    here.announce(Running(os.getpid(), f"http://127.0.0.1:{free_port()}", f"http://127.0.0.1:{free_port()}"))
    told = levels(run("doctor", "--json")[1])
    assert (told["stack"], told["API"], told["MLflow"], told["SQL"]) == ("ok", "missing", "warn", "missing")


def test_tables_that_are_old(sqlite_url: str) -> None:
    assert service.database(sqlite_url, os.environ).level == "ok"
    downgrade(sqlite_url, "base")
    found = service.database(sqlite_url, os.environ)
    assert (found.level, found.remedy) == ("missing", "python -m migrations upgrade")
    away = service.database("sqlite:////nowhere/state.db", os.environ)
    assert (away.level, away.remedy) == ("missing", "start the database, or mend its address")


def test_a_package_that_is_missing_or_too_old(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = [
        packages.read("nowhere>=1,<2", ""),
        packages.read("rich>=99", "torch"),
        packages.read("rich", "postgres"),
    ]
    monkeypatch.setattr(packages, "requirements", lambda: asked)
    found = {finding.name: finding for finding in packages.roles(frozenset({""}))}
    assert found["packages core"].level == "missing"
    assert "nowhere is not installed" in found["packages core"].says
    assert found["packages core"].remedy.endswith("-m pip install 'nowhere>=1,<2'")
    assert found["packages torch"].level == "warn"
    assert found["packages postgres"].level == "ok"


def test_a_version_in_its_range() -> None:
    asked = packages.read("psycopg[binary]>=3.2,<4", "postgres")
    assert (asked.name, asked.asked) == ("psycopg", "psycopg>=3.2,<4")
    assert [asked.fits(version) for version in ("3.1.9", "3.2", "3.10.1+cpu", "4.0")] == [
        False,
        True,
        True,
        False,
    ]


def test_an_installed_distribution_tells_its_roles(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(packages, "services", SimpleNamespace(__path__=[str(tmp_path / "services")]))
    wanted = ["rich<16,>=14", 'torch<2.14,>=2.9; extra == "torch"']
    monkeypatch.setattr(packages.metadata, "requires", lambda _: wanted)
    assert [(each.asked, each.role) for each in packages.requirements()] == [
        ("rich>=14,<16", ""), ("torch>=2.9,<2.14", "torch"),
    ]  # fmt: skip


def test_a_gpu_that_torch_cannot_use(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    tool = tmp_path / "nvidia-smi"
    tool.write_text("#!/bin/sh\necho 'GPU-1, NVIDIA H200'\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    found = host.gpus()
    assert machine.devices(found).says == "1 GPU: NVIDIA H200"
    assert machine.torch(found, True).level == "warn"


def test_a_torch_that_does_not_load(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "TORCH", "raise ImportError('libcudart is away')")
    found = machine.torch([], True)
    assert (found.level, found.says) == ("missing", "does not load: ImportError: libcudart is away")
    assert machine.torch([], False).level == "warn"


@pytest.mark.parametrize(("free", "level"), [(10**8, "missing"), (2 * 10**9, "warn"), (10**11, "ok")])
def test_room_on_the_disk(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, free: int, level: str) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=free))
    assert machine.disk(tmp_path).level == level


def test_ports_taken_and_misspelt() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        given = {"CNNLAB_PORT": port, "CNNLAB_MLFLOW_PORT": "x"}
        first, second = machine.free_ports(given, running=False)
    assert (first.level, second.level) == ("warn", "missing")
    assert f"{port} is taken" in first.says
    assert "up --port " in first.remedy
    assert next(machine.free_ports({"CNNLAB_PORT": port}, running=True)).level == "ok"


def test_folders_of_the_operator(tmp_path: Path) -> None:
    (tmp_path / "a.npz").touch()
    data, plugins = machine.folders({"CNNLAB_DATA": str(tmp_path), "CNNLAB_PLUGINS": str(tmp_path / "none")})
    assert (data.level, plugins.level) == ("ok", "missing")
    assert "1 entry" in data.says
    assert "is no folder" in plugins.says
    assert [finding.level for finding in machine.folders({})] == ["ok", "ok"]
    unset = next(machine.folders({}))  # the stack that runs may have it nevertheless
    assert unset.says == "unset in this terminal: own data sets need it, where the service is started"
