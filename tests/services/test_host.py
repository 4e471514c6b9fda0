"""services/host.py: GPUs by a fake driver that answers, fails, babbles or hangs; ends with a parent."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from services import host
from services.host import Gpu, HostDevice

Driver = Callable[[str], None]
PARENT = """
import os, signal, subprocess, sys
from services.host import end_with_parent
me = os.getpid()
child = subprocess.Popen(["sleep", "60"], preexec_fn=lambda: end_with_parent(me, signal.SIGTERM))
print(child.pid, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def driver(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Driver:
    """Put an nvidia-smi that runs this shell script on a PATH that has nothing else."""
    monkeypatch.setenv("PATH", str(tmp_path))

    def install(script: str) -> None:
        program = tmp_path / "nvidia-smi"
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)

    return install


def test_gpus_come_in_the_driver_s_order_with_their_whole_name(driver: Driver) -> None:
    driver("echo 'GPU-b, 143771, NVIDIA H200, 141GB'; echo 'GPU-a, [N/A], NVIDIA A30'")
    assert host.gpus() == [
        Gpu("GPU-b", "NVIDIA H200, 141GB", 143771 * 2**20),
        Gpu("GPU-a", "NVIDIA A30", 0),
    ]


def test_the_driver_is_asked_for_what_is_read(driver: Driver) -> None:
    asked = "--query-gpu=uuid,memory.total,name --format=csv,noheader,nounits"
    driver(f'[ "$*" = "{asked}" ] && echo GPU-1, 1, H200')
    assert host.gpus() == [Gpu("GPU-1", "H200", 2**20)]


@pytest.mark.parametrize(
    "script",
    [
        "echo 'GPU-1, 1, H200'; exit 9",
        "echo 'No devices were found'",
        "echo 'Unable to determine the device handle for GPU 0000:01:00.0: Unknown Error, GPU is lost'",
        r"printf '\377\376, \000'",
    ],
    ids=["fails", "none found", "a lost GPU", "bytes that are no text"],
)
def test_a_driver_that_fails_or_prints_nonsense_lists_no_gpu(driver: Driver, script: str) -> None:
    driver(script)
    assert host.gpus() == []


def test_a_driver_that_cannot_be_run_lists_no_gpu(driver: Driver, tmp_path: Path) -> None:
    driver("")
    (tmp_path / "nvidia-smi").write_text("#!/nowhere/at-all\n")
    assert host.gpus() == []


def test_a_driver_that_hangs_is_given_up(
    driver: Driver, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(host, "MAX_QUERY_SECONDS", 0.1)
    driver("exec /bin/sleep 60")
    assert host.gpus() == []
    assert "nvidia-smi failed" in caplog.text
    assert "timed out" in caplog.text


def test_a_host_without_a_driver_has_no_gpu(driver: Driver) -> None:
    assert host.gpus() == []


def test_cores_are_those_of_the_process_s_mask(monkeypatch: pytest.MonkeyPatch) -> None:
    if sys.platform != "linux":
        pytest.skip("only Linux has masks")
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 3, 5})
    assert host.cores() == 3


def test_the_processor_has_a_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "cpuinfo"
    file.write_text("processor\t: 0\nmodel name\t: Xeon: 2 GHz\nprocessor\t: 1\nmodel name\t: other\n")
    monkeypatch.setattr(host, "Path", lambda _: file)
    assert host.processor() == "Xeon: 2 GHz"
    file.unlink()
    assert host.processor()


def test_a_gpu_is_one_device_whichever_host_names_it() -> None:
    assert {HostDevice(name, "GPU-1", "cuda", "x").id for name in "ab"} == {"GPU-1"}
    assert {HostDevice(name, "cpu:0", "cpu", "x").id for name in "ab"} == {"a/cpu:0", "b/cpu:0"}


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child of its parent's end")
def test_a_child_ends_with_its_parent() -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert parent.stdin is not None
    assert parent.stdout is not None
    child = os.pidfd_open(int(parent.stdout.readline()))
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    assert select.select([child], [], [], 10)[0], "the child outlived its parent"
    os.close(child)
    parent.stdin.close()
    parent.stdout.close()


def test_a_child_whose_parent_is_gone_already_exits() -> None:
    code = "from services.host import *; end_with_parent(1 << 30, signal.SIGTERM)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 1
