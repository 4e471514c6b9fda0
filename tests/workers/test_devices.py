"""workers/devices.py: what CNNLAB_DEVICES may name, and the environment of a runner."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from fake_driver import H200, FakeDriver

from services import gpus, host
from services.domain.errors import ServiceError
from services.gpus import Gpu, GpuListing
from workers.devices import filled, find, gpu_of, runner_environment

GPUS = Gpu("GPU-b", "H200", 2**37, 2**37), Gpu("GPU-a", "A30")


@pytest.fixture(autouse=True)
def listing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A host with two GPUs and two cores."""
    has(monkeypatch, GpuListing(GPUS))
    monkeypatch.setattr(host, "cores", lambda: 2)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)


def has(monkeypatch: pytest.MonkeyPatch, listed: GpuListing) -> None:
    monkeypatch.setattr(gpus, "look", lambda: listed)


def named(wanted: str) -> list[tuple[str, str, str]]:
    return [(device.identity, device.kind, device.name) for device in find(wanted).devices]


def test_auto_is_every_gpu_else_every_core(monkeypatch: pytest.MonkeyPatch) -> None:
    assert named("auto") == [("GPU-b", "cuda", "H200"), ("GPU-a", "cuda", "A30")]
    assert find("auto").remark == ""
    has(monkeypatch, GpuListing())
    assert named("auto") == [("cpu:0", "cpu", "core 0"), ("cpu:1", "cpu", "core 1")]


def test_auto_takes_what_cuda_visible_devices_leaves_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    assert named("auto") == [("GPU-a", "cuda", "A30")]
    assert find("auto").remark == (
        "CUDA_VISIBLE_DEVICES=1 leaves 1 of this host's 2 GPUs; unset it to use all"
    )
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert [kind for _, kind, _ in named("auto")] == ["cpu", "cpu"]
    assert "is empty, so no GPU is used" in find("auto").remark
    assert named("cuda:0") == [("GPU-b", "cuda", "H200")]  # whoever names one means it
    assert find("cuda:0").remark == ""


def test_auto_says_that_nvidia_smi_failed_and_a_list_that_names_a_gpu_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    has(monkeypatch, GpuListing(fault="nvidia-smi failed: exit code 9"))
    assert [kind for _, kind, _ in named("auto")] == ["cpu", "cpu"]
    assert find("auto").remark == f"nvidia-smi failed: exit code 9; {gpus.FAULT_REMEDY}"
    with pytest.raises(ServiceError, match=r"which are: none; got 'cuda:0'; nvidia-smi failed: exit code 9"):
        find("cuda:0")


def test_a_list_names_slots_and_gpus_by_index_or_uuid() -> None:
    assert named("cpu:7, cuda:1,cuda:GPU-b,") == [
        ("cpu:7", "cpu", "slot 7"),
        ("GPU-a", "cuda", "A30"),
        ("GPU-b", "cuda", "H200"),
    ]


def test_an_instance_of_a_gpu_in_mig_mode_is_a_device(monkeypatch: pytest.MonkeyPatch) -> None:
    part = Gpu("MIG-1", "A100 MIG 1g.10gb", 10**10, None, "GPU-m")
    has(monkeypatch, GpuListing((part,)))
    assert named("auto") == named("cuda:MIG-1") == [("MIG-1", "cuda", "A100 MIG 1g.10gb")]
    assert find("auto").full == {}  # nothing is known of what is free
    has(monkeypatch, GpuListing((replace(part, free=2 * 10**9),)))
    assert list(find("auto").full) == ["MIG-1"]
    with pytest.raises(ServiceError, match=r"which are: cuda:0 \(MIG-1\); got 'cuda:GPU-m'"):
        find("cuda:GPU-m")


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        ("cuda:2", r"must name GPUs of .*: cuda:0 \(GPU-b\), cuda:1 \(GPU-a\); got 'cuda:2'"),
        ("cpu", r"must be cpu:N, cuda:N or cuda:UUID, got 'cpu'"),
        ("cpu:x", r"must be cpu:N, cuda:N or cuda:UUID, got 'cpu:x'"),
        ("tpu:0", r"must be cpu:N, cuda:N or cuda:UUID, got 'tpu:0'"),
    ],
)
def test_anything_else_is_refused(wanted: str, words: str) -> None:
    with pytest.raises(ServiceError, match=words):
        find(wanted)


def test_a_runner_sees_its_own_gpu_and_no_other() -> None:
    gpu, slot = find("cuda:1,cpu:0").devices
    assert [device.memory for device in find("auto").devices] == [2**37, 0]
    assert (gpu_of(gpu), gpu_of(slot)) == ("GPU-a", "")


@pytest.mark.parametrize(("gib", "full"), [(100, True), (111, True), (113, False), (140, False)])
def test_a_gpu_is_full_if_less_is_free_than_packs_are_sized_to(
    monkeypatch: pytest.MonkeyPatch, gib: int, full: bool
) -> None:
    has(monkeypatch, GpuListing((Gpu("GPU-b", "H200", 140 * 2**30, gib * 2**30),)))
    found = find("auto")
    assert (list(found.full) == ["GPU-b"]) is full
    assert filled(found.devices) == found.full


def test_a_full_gpu_is_described_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    has(monkeypatch, GpuListing((Gpu("GPU-b", "H200", 140 * 2**30, 3 * 2**30), GPUS[1])))
    assert find("auto").full == {
        "GPU-b": "GPU-b (H200) has only 3 of 140 GiB free, and packs need 80%: another program fills it; "
        "end that (nvidia-smi lists it), or leave this GPU out of CNNLAB_DEVICES"
    }


def test_nvidia_smi_is_asked_again_only_for_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    slots = find("cpu:0").devices
    monkeypatch.setattr(gpus, "look", lambda: pytest.fail("there is no GPU to ask about"))
    assert filled(slots) == {}


def test_the_driver_s_answer_becomes_a_device(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.undo()
    FakeDriver(tmp_path, monkeypatch).lists(H200)
    (device,) = find("auto").devices
    assert (device.id, device.name, device.memory) == ("GPU-a", "NVIDIA H200", 143771 * 2**20)


def test_a_runner_has_the_threads_of_the_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "64")
    environment = runner_environment(3)
    assert environment["OMP_NUM_THREADS"] == environment["MKL_NUM_THREADS"] == "3"
