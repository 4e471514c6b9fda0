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
from fake_driver import H200, FakeDriver

from services import gpus
from services.cli.doctor import machine
from services.cli.doctor.finding import Finding, ok, warn
from services.gpus import Gpu, GpuListing

KEY = "k" * 32
ONE = Gpu("GPU-a", "H200")
Run = Callable[..., tuple[int, str, str]]


def probed(monkeypatch: pytest.MonkeyPatch, cuda: str | None, *names: str) -> None:
    """A torch that is found like this."""
    probe = json.dumps({"version": "2.13.0", "cuda": cuda, "names": names})
    monkeypatch.setattr(machine, "TORCH_PROBE", f"print({probe!r})")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)


@pytest.mark.long
def test_a_driver_s_gpus_and_the_torch_of_this_machine(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = os.environ["PATH"]
    FakeDriver(tmp_path, monkeypatch).lists(H200)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{path}")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    found = gpus.look()
    assert machine.devices(found, "0").says == "1 GPU: NVIDIA H200, 140 of 140 GiB free"
    assert machine.torch(found, True).level == "warn"


def test_gpus_that_cuda_visible_devices_leaves_out() -> None:
    two = GpuListing((ONE, Gpu("GPU-b", "A30")), "570.86.15")
    some = machine.devices(two, "1")
    assert some.level == "ok"
    assert some.says == "1 GPU: A30 (CUDA_VISIBLE_DEVICES=1 leaves 1 of this host's 2 GPUs)"
    wrong = machine.devices(two, "1,7")
    assert (wrong.level, wrong.remedy) == ("warn", "correct it or unset it")
    assert wrong.says.endswith("so it and what follows is left out, as CUDA does; 1 GPU: A30")
    none = machine.devices(two, "")
    assert (none.level, none.remedy) == ("warn", "unset it to use those of this host")
    assert none.says.startswith("CUDA_VISIBLE_DEVICES is empty, so no GPU is used; the CPU trains, ")
    assert machine.devices(two, None).level == "ok"


def test_a_gpu_that_something_fills() -> None:
    gib = 2**30
    both = GpuListing((Gpu("GPU-a", "H200", 140 * gib, 3 * gib), Gpu("GPU-b", "A30", 24 * gib, 24 * gib)))
    full = machine.devices(both, None)
    assert full.level == "warn"
    assert full.says == (
        "GPU-a (H200) has only 3 of 140 GiB free, and packs need 80%: another program fills it; "
        "2 GPUs: H200, 3 of 140 GiB free, A30, 24 of 24 GiB free"
    )
    assert full.remedy == "unless workers of cnnlab train there, end the programs that nvidia-smi lists"
    assert machine.devices(both, "1").level == "ok"  # the full one is not used


def test_no_gpu_is_told_from_an_nvidia_smi_that_fails() -> None:
    assert machine.devices(GpuListing(), None).says.startswith("no NVIDIA GPU (nvidia-smi lists none); the")
    failed = machine.devices(GpuListing(fault="nvidia-smi failed: exit code 9"), None)
    assert (failed.level, failed.remedy) == (
        "warn",
        "run nvidia-smi by hand; if it fails there, reinstall or reload the driver",
    )
    assert failed.says.startswith("nvidia-smi failed: exit code 9; the CPU trains, ")
    lost = machine.devices(GpuListing((ONE,), "570.86.15", "nvidia-smi failed: a GPU is lost"), None)
    assert lost.says == "nvidia-smi failed: a GPU is lost; 1 GPU: H200"


@pytest.mark.parametrize(
    ("cuda", "names", "level", "says", "remedy"),
    [
        ("12.8", ["H200"], "ok", "CUDA 12.8, driver 570.86.15: they fit; sees H200", ""),
        # With NVIDIA's package for that, an older driver does.
        ("13.0", ["H200"], "ok", "CUDA 13.0, driver 570.86.15: they fit; sees H200", ""),
        (
            "13.0",
            [],
            "warn",
            "CUDA 13.0, driver 570.86.15: they do not fit: driver 570.86.15 is too old for torch 2.13.0, "
            "which is built for CUDA 13.0 and needs driver 580.65.06 or newer",
            "update the driver, or install a torch that is built for an older CUDA",
        ),
        (
            None,
            [],
            "warn",
            "CPU build, driver 570.86.15: they do not fit: torch 2.13.0 is a CPU build, which cannot use a "
            "GPU",
            "run `pip uninstall torch`, then `python scripts/install_torch.py`, which installs a CUDA build "
            "where there is a GPU",
        ),
        (
            "12.8",
            [],
            "warn",
            "CUDA 12.8, driver 570.86.15: by their versions they fit, but torch cannot use the GPU",
            "if it is in MIG mode make an instance, else reinstall the driver",
        ),
    ],
)
def test_driver_and_build_and_whether_they_fit(
    monkeypatch: pytest.MonkeyPatch, cuda: str | None, names: list[str], level: str, says: str, remedy: str
) -> None:
    probed(monkeypatch, cuda, *names)
    found = machine.torch(GpuListing((ONE,), "570.86.15"), True)
    assert (found.level, found.says, found.remedy) == (level, f"2.13.0, {says}", remedy)


def test_a_torch_that_may_see_no_gpu_is_not_blamed(monkeypatch: pytest.MonkeyPatch) -> None:
    probed(monkeypatch, "12.8")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    found = machine.torch(GpuListing((ONE,), "570.86.15"), True)
    assert (found.level, found.says) == (
        "ok",
        "2.13.0, CUDA 12.8, driver 570.86.15: by their versions they fit",
    )


def test_without_a_gpu_the_build_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    probed(monkeypatch, None)
    assert machine.torch(GpuListing(), True).says == "2.13.0, CPU build"


def test_a_torch_that_does_not_load(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "TORCH_PROBE", "raise ImportError('libcudart is away')")
    found = machine.torch(GpuListing(), True)
    assert (found.level, found.says) == ("missing", "does not load: ImportError: libcudart is away")
    assert machine.torch(GpuListing(), False).level == "warn"


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


def answer(monkeypatch: pytest.MonkeyPatch, *lines: tuple[str, str | None, str, str]) -> Finding:
    """What the doctor says where the probe prints these lines: type, name, reason, remedy."""
    monkeypatch.setattr(machine, "KERNELS_PROBE", f"print({json.dumps(json.dumps(lines))})")
    return machine.kernels()


def test_kernels_are_found_or_missed_with_a_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    both = ("float32", "kernels-1", "", ""), ("float64", "kernels-2", "", "")
    assert answer(monkeypatch, *both) == ok("kernels", "kernels-1, kernels-2")
    for remedy, shown in (("install g++", "install g++"), ("", "nothing, if that is wanted")):
        lacks = None, "g++ is too old", remedy
        found = answer(monkeypatch, both[0], ("float64", *lacks))
        assert found == warn("kernels", "none for float64: g++ is too old", shown)
        found = answer(monkeypatch, ("float32", *lacks), ("float64", *lacks))
        assert found == warn("kernels", "none for float32 and float64: g++ is too old", shown)


@pytest.mark.parametrize(
    ("probe", "end"),
    [
        ("raise ImportError('no torch')", "ImportError: no torch"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGBUS)", "SIGBUS"),
    ],
)
def test_a_probe_of_kernels_that_ends_is_described_as_it_ended(
    monkeypatch: pytest.MonkeyPatch, probe: str, end: str
) -> None:
    monkeypatch.setattr(machine, "KERNELS_PROBE", probe)
    found = machine.kernels()
    assert (found.level, found.says) == ("warn", f"the process that loads them ends: {end}")
    assert found.remedy == "if the line of torch is ok, set CNNLAB_KERNELS=off, which trains without them"


def test_a_wrong_folder_of_kernels_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CNNLAB_KERNELS", "OFF")
    wrong = "CNNLAB_KERNELS must be off, or the absolute path of a folder, got 'OFF'"
    assert machine.kernels().says == f"none for any type: {wrong}"
