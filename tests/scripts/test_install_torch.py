"""scripts/install_torch.py: which torch, from where."""

from __future__ import annotations

import runpy
import socket
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
Script = dict[str, Any]


@pytest.fixture
def script() -> Script:
    return runpy.run_path(str(ROOT / "scripts" / "install_torch.py"))


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is all of PATH."""
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def test_the_pinned_torch_is_one_the_project_allows(script: Script) -> None:
    pinned = script["pin"]((ROOT / "constraints.txt").read_text())
    assert script["in_range"](pinned, script["requirement"]())


def test_ranges_compare_numbers_and_not_text(script: Script) -> None:
    fits = script["in_range"]
    assert fits("2.13.0+cpu", ">=2.9,<2.14")
    assert fits("2.9.1", ">=2.9,<2.14")
    assert not fits("2.14.0", ">=2.9,<2.14")
    assert not fits("2.14", ">=2.9,<2.14")
    assert script["numbers"]("2.13.0+cu126") == (2, 13, 0)
    assert not fits("2.8.0", ">=2.9,<2.14")


def test_constraints_without_torch_are_refused(script: Script) -> None:
    with pytest.raises(SystemExit, match="torch==VERSION"):
        script["pin"]("numpy==2.4.6\n")


def test_a_gpu_is_one_the_driver_lists(script: Script, tools: Path) -> None:
    wanted = script["wanted_device"]
    assert wanted(None) == "cpu"
    driver = tools / "nvidia-smi"
    driver.write_text("#!/bin/sh\necho 'GPU 0: NVIDIA H200 (UUID: GPU-1)'\n")
    driver.chmod(0o755)
    assert wanted(None) == "cuda"
    assert wanted("cpu") == "cpu"
    for answer in ("NVIDIA-SMI has failed", "GPU 0: unable to determine its name"):
        driver.write_text(f"#!/bin/sh\necho '{answer}'\nexit 9\n")
        assert wanted(None) == "cpu"


def test_an_unknown_device_is_refused(script: Script) -> None:
    with pytest.raises(SystemExit, match="cpu or cuda, got 'tpu'"):
        script["wanted_device"]("tpu")


def test_an_index_that_refuses_does_not_answer(script: Script) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        assert not script["answers"](f"http://127.0.0.1:{closed.getsockname()[1]}/torch/")


def test_constraints_name_every_direct_dependency() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [
        *project["dependencies"],
        *(e for extra in project["optional-dependencies"].values() for e in extra),
    ]
    pinned = {line.split("==")[0].lower() for line in (ROOT / "constraints.txt").read_text().splitlines()}
    names = {entry.split("[")[0].split(">")[0].lower() for entry in wanted}
    # torch for CUDA names the one version of Triton that it works with.
    assert names - pinned == {"triton"}


@pytest.mark.parametrize(("code", "written"), [(0, ["2.13.0+cpu"]), (7, [])])
def test_what_is_there_after_an_installation_is_the_constraint_and_nothing_after_a_failed_one(
    script: Script, monkeypatch: pytest.MonkeyPatch, code: int, written: list[str]
) -> None:
    present = iter([None, "2.13.0+cpu"])
    constraints: list[str] = []
    own = script["main"].__globals__
    monkeypatch.setitem(own, "installed", lambda: next(present))
    monkeypatch.setitem(own, "install", lambda version, device: code)
    monkeypatch.setitem(own, "write_constraints", constraints.append)
    assert script["main"]() == code
    assert constraints == written
