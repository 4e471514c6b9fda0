"""services/precisions.py: what a processor and a driver say, and what follows from it."""

from __future__ import annotations

from pathlib import Path

import pytest
from fake_driver import FakeDriver

from services import precisions
from services.gpus import CAPABILITY_QUERY
from services.host import EVERYWHERE, HostDevice
from services.precisions import with_precisions

SLOT = HostDevice("box", "cpu:0", "cpu", "slot 0")


def gpu(identity: str) -> HostDevice:
    """A GPU of this host."""
    return HostDevice("box", identity, "cuda", "a GPU", 80 * 2**30)


@pytest.fixture
def driver(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FakeDriver:
    """No driver yet."""
    return FakeDriver(tmp_path, monkeypatch)


@pytest.fixture(autouse=True)
def _plain_processor(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A processor without bfloat16."""
    (tmp_path / "cpuinfo").write_text("model name\t: plain\nflags\t\t: fpu avx2 avx512f\n")
    monkeypatch.setattr(precisions, "PROCESSOR", tmp_path / "cpuinfo")


@pytest.mark.parametrize(
    ("line", "able"),
    [
        ("flags\t\t: fpu avx512_bf16", True),
        ("flags\t\t: amx_bf16 amx_tile", True),
        ("Features\t: fp asimd bf16", True),
        ("flags\t\t: fpu avx512f avx512_bf16x", False),
        ("bugs\t\t: amx_bf16", False),
        ("", False),
    ],
)
def test_a_processor_has_bfloat16_if_it_multiplies_it(tmp_path: Path, line: str, able: bool) -> None:
    (tmp_path / "cpuinfo").write_text(f"processor\t: 0\n{line}\n")
    [slot] = with_precisions([SLOT])
    assert slot.precisions == ((*EVERYWHERE, "bfloat16") if able else EVERYWHERE)


def test_a_host_without_cpuinfo_has_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(precisions, "PROCESSOR", tmp_path / "missing")
    assert with_precisions([SLOT])[0].precisions == EVERYWHERE


def test_a_gpu_has_what_its_capability_allows(driver: FakeDriver) -> None:
    asked = f"{CAPABILITY_QUERY} --format=csv,noheader"
    lines = "GPU-1, 9.0\nGPU-2, 7.5\nGPU-3, [N/A]\ngarbage"
    driver.run(f'[ "$*" = "{asked}" ] && echo "{lines}"')
    found = with_precisions([gpu(f"GPU-{i}") for i in range(1, 5)])
    assert [device.precisions for device in found] == [(*EVERYWHERE, "tf32", "bfloat16"), *[EVERYWHERE] * 3]


def test_a_part_of_a_divided_gpu_has_all(driver: FakeDriver) -> None:
    assert with_precisions([gpu("MIG-1")])[0].precisions == (*EVERYWHERE, "tf32", "bfloat16")


@pytest.mark.parametrize("script", [None, "echo 'GPU-1, 9.0'; exit 9"])
def test_a_driver_that_fails_says_nothing(driver: FakeDriver, script: str | None) -> None:
    if script:
        driver.run(script)
    assert with_precisions([gpu("GPU-1")])[0].precisions == EVERYWHERE
