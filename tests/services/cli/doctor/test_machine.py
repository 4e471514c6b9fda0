"""services/cli/doctor/machine.py: each check on a machine that has something, and on one that lacks it."""

from __future__ import annotations

import json
import os
import shutil
import socket
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from services import host
from services.cli.doctor import machine

KEY = "k" * 32
Run = Callable[..., tuple[int, str, str]]


def test_a_gpu_that_torch_cannot_use(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    tool = tmp_path / "nvidia-smi"
    tool.write_text("#!/bin/sh\necho 'GPU-1, 143771, NVIDIA H200'\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    found = host.gpus()
    assert machine.devices(found).says == "1 GPU: NVIDIA H200"
    assert machine.torch(found, True).level == "warn"


def test_a_torch_that_does_not_load(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "TORCH_PROBE", "raise ImportError('libcudart is away')")
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
    assert f"{port} is in use" in first.says
    assert "up --port " in first.remedy
    assert next(machine.free_ports({"CNNLAB_PORT": port}, running=True)).level == "ok"


def test_folders_of_the_operator(tmp_path: Path) -> None:
    (tmp_path / "a.npz").touch()
    data, plugins = machine.folders({"CNNLAB_DATA": str(tmp_path), "CNNLAB_PLUGINS": str(tmp_path / "none")})
    assert (data.level, plugins.level) == ("ok", "missing")
    assert "1 entry" in data.says
    assert "is not a folder" in plugins.says
    assert [finding.level for finding in machine.folders({})] == ["ok", "ok"]
    unset = next(machine.folders({}))  # the stack that runs may have it nevertheless
    assert (
        unset.says == "not set in this terminal; for your own data sets, set it where the service is started"
    )


def test_kernels_are_found_or_missed_with_a_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        machine, "KERNELS_PROBE", 'print(\'{"name": "conv-max-1", "reason": "", "remedy": ""}\')'
    )
    assert (machine.kernels().level, machine.kernels().says) == ("ok", "conv-max-1")
    for remedy, shown in (("install g++", "install g++"), ("", "nothing, if that is wanted")):
        probe = {"name": None, "reason": "g++ is too old", "remedy": remedy}
        monkeypatch.setattr(machine, "KERNELS_PROBE", f"print({json.dumps(json.dumps(probe))})")
        found = machine.kernels()
        assert (found.level, found.says, found.remedy) == ("warn", "none: g++ is too old", shown)
    monkeypatch.setattr(machine, "KERNELS_PROBE", "raise ImportError('torch')")
    assert machine.kernels().says == "not examined, because torch does not load"
