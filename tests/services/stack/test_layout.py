"""services/stack/layout.py."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from services import gpus, host
from services.gpus import Gpu, GpuListing
from services.settings import Settings
from services.stack import layout
from services.stack.folder import Folder
from services.stack.layout import Devices, Ports
from services.training_environment import threads_environment


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    made = Folder(tmp_path)
    made.make()
    return made


def test_one_worker_per_core_without_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpus, "look", GpuListing)
    monkeypatch.setattr(host, "cores", lambda: 3)
    assert layout.find_devices(None) == Devices("auto", 3)
    assert layout.find_devices(1) == Devices("auto", 1)
    assert layout.find_devices(4) == Devices("cpu:0,cpu:1,cpu:2,cpu:3", 4)


def test_one_worker_per_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    four = tuple(Gpu(f"GPU-{i}", "H200") for i in range(4))
    monkeypatch.setattr(gpus, "look", lambda: GpuListing(four))
    monkeypatch.setattr(host, "cores", lambda: 2)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert layout.find_devices(None) == Devices("auto", 4)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,3")
    assert layout.find_devices(None) == Devices("auto", 2)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert layout.find_devices(2) == Devices("auto", 2)
    assert layout.find_devices(3) == Devices("cpu:0,cpu:1,cpu:2", 3)


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


@pytest.mark.skipif(sys.platform != "linux", reason="templates are for Linux")
def test_what_the_template_imports_can_be_forked_and_reads_no_plug_in(tmp_path: Path) -> None:
    (tmp_path / "plugins" / "activations").mkdir(parents=True)
    (tmp_path / "plugins" / "activations" / "own.py").write_text("raise SystemExit('read too early')")
    program = (
        "import signal, sys, logging\n"
        "from importlib import import_module\n"
        "from services.forking import has_one_thread\n"
        "from services.stack import layout\n"
        "before = [signal.getsignal(number) for number in signal.valid_signals()]\n"
        "for name in (*layout.FOR_MLFLOW, *layout.FOR_MIGRATIONS, *layout.FOR_ALL):\n"
        "    import_module(name)\n"
        "print(has_one_thread(), 'torch' in sys.modules, logging.root.handlers)\n"
        "print([signal.getsignal(number) for number in signal.valid_signals()] == before)\n"
        "from cnnlab import registry\n"
        "print(registry.plugin_problems())\n"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", program],
        env=layout.template(
            {
                **os.environ,
                **threads_environment(4),
                "CNNLAB_PLUGINS": str(tmp_path / "plugins"),
                "PYTHONPATH": layout.SOURCES,
            }
        ),
        capture_output=True,
        text=True,
    )
    first, second, problems = done.stdout.splitlines()
    assert (first, second) == ("True True []", "True")
    assert "read too early" in problems, "only who asks reads them"


@pytest.mark.parametrize("given", [{}, {"NO_PROXY": "lab.example"}, {"no_proxy": "lab.example"}])
def test_children_ask_no_proxy_for_one_another(folder: Folder, given: dict[str, str]) -> None:
    base = {"HTTP_PROXY": "http://127.0.0.1:9", **given}
    found = layout.environment(base, folder, folder.secrets(), Ports(1, 2, 3), Devices("cpu:0", 1))
    names = [*given.values(), "localhost", "127.0.0.1", "::1"]
    assert found["NO_PROXY"] == found["no_proxy"] == ",".join(names)
