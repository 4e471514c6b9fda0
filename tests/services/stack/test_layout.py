"""services/stack/layout.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.settings import Settings
from services.stack import layout
from services.stack.folder import Folder
from services.stack.layout import Devices, Ports


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    made = Folder(tmp_path)
    made.make()
    return made


def test_one_worker_per_core_without_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layout, "count_gpus", lambda: 0)
    monkeypatch.setattr(layout, "count_cores", lambda: 3)
    assert layout.find_devices(None) == Devices("cpu:0,cpu:1,cpu:2", 3)
    assert layout.find_devices(1) == Devices("cpu:0", 1)


def test_one_worker_per_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layout, "count_gpus", lambda: 4)
    assert layout.find_devices(None) == Devices("auto", 4)


def test_gpus_are_what_the_driver_lists(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    tool = tmp_path / "nvidia-smi"
    listed = ["GPU 0: H200 (UUID: GPU-0)", "  MIG 1g Device 0: (UUID: MIG-0)", "GPU 1: H200 (UUID: GPU-2)"]
    tool.write_text("#!/bin/sh\n" + "".join(f"echo '{line}'\n" for line in listed))
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert layout.count_gpus() == 2
    tool.write_text("#!/bin/sh\necho 'NVIDIA-SMI has failed'\nexit 9\n")
    assert layout.count_gpus() == 0


def test_children_get_settings_that_the_service_accepts(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = str(folder.root.parent)
    base = {
        "PATH": "/bin",
        "CNNLAB_MLFLOW_URL": "http://elsewhere",
        "CNNLAB_DATA": own,
        "CNNLAB_PLUGINS": own,
    }
    env = layout.environment(base, folder, folder.secrets(), Ports(1, 2, 3), Devices("cpu:0", 1))
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    settings = Settings()  # type: ignore[call-arg]
    assert settings.mlflow_url == "http://127.0.0.1:2"
    assert settings.public_url == "http://127.0.0.1:1"
    assert settings.database_url.endswith("/.cnnlab/state.db")
    assert settings.devices == "cpu:0"
    assert str(settings.data) == str(settings.plugins) == own


def test_no_secret_is_on_a_command_line(folder: Folder) -> None:
    secrets = folder.secrets()
    ports, devices = Ports(1, 2, 3), Devices("cpu:0,cpu:1", 2)
    env = layout.environment({}, folder, secrets, ports, devices)
    processes = layout.processes(env, folder, secrets, ports, devices)
    assert [process.name for process in processes] == [
        "valkey",
        "mlflow",
        "api",
        "upkeep",
        "worker-0",
        "worker-1",
    ]
    lines = " ".join(" ".join(process.argv) for process in processes)
    assert secrets.redis_password not in lines
    assert secrets.api_key not in lines
    config = folder.root / "valkey" / "valkey.conf"
    assert f"requirepass {secrets.redis_password}" in config.read_text()
    assert config.stat().st_mode & 0o777 == 0o600
