"""services/host.py: devices, cores and the processor; ends with a parent."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from services import host
from services.host import HostDevice

PARENT = """
import os, signal, subprocess, sys
from services.host import end_with_parent
me = os.getpid()
child = subprocess.Popen(["sleep", "60"], preexec_fn=lambda: end_with_parent(me, signal.SIGTERM))
print(child.pid, flush=True)
sys.stdin.read()
"""


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
