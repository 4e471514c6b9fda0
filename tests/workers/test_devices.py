"""workers/devices.py: what CNNLAB_DEVICES may name, and the environment of a runner."""

from __future__ import annotations

import pytest

from services import host
from services.domain.errors import ServiceError
from services.host import Gpu
from workers.devices import find, gpu_of, runner_environment

GPUS = [Gpu("GPU-b", "H200", 2**37), Gpu("GPU-a", "A30")]


@pytest.fixture
def gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host, "gpus", lambda: GPUS)
    monkeypatch.setattr(host, "cores", lambda: 2)


def named(wanted: str) -> list[tuple[str, str, str]]:
    return [(device.identity, device.kind, device.name) for device in find(wanted)]


@pytest.mark.usefixtures("gpus")
def test_auto_is_every_gpu_else_every_core(monkeypatch: pytest.MonkeyPatch) -> None:
    assert named("auto") == [("GPU-b", "cuda", "H200"), ("GPU-a", "cuda", "A30")]
    monkeypatch.setattr(host, "gpus", list)
    assert named("auto") == [("cpu:0", "cpu", "core 0"), ("cpu:1", "cpu", "core 1")]


@pytest.mark.usefixtures("gpus")
def test_a_list_names_slots_and_gpus_by_index_or_uuid() -> None:
    assert named("cpu:7, cuda:1,cuda:GPU-b,") == [
        ("cpu:7", "cpu", "slot 7"),
        ("GPU-a", "cuda", "A30"),
        ("GPU-b", "cuda", "H200"),
    ]


@pytest.mark.usefixtures("gpus")
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


@pytest.mark.usefixtures("gpus")
def test_a_runner_sees_its_own_gpu_and_no_other() -> None:
    gpu, slot = find("cuda:1,cpu:0")
    assert [device.memory for device in find("auto")] == [2**37, 0]
    assert (gpu_of(gpu), gpu_of(slot)) == ("GPU-a", "")


def test_a_runner_has_the_threads_of_the_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "64")
    environment = runner_environment(3)
    assert environment["OMP_NUM_THREADS"] == environment["MKL_NUM_THREADS"] == "3"
