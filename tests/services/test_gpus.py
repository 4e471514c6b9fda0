"""services/gpus.py: a fake driver that answers, fails, babbles or hangs; what CUDA sees; what fits."""

from __future__ import annotations

from pathlib import Path

import pytest
from fake_driver import H200, FakeDriver

from services import gpus
from services.gpus import Gpu, GpuListing, look, misfit, visible

MIB = 2**20
A, B = Gpu("GPU-aa1", "H200"), Gpu("GPU-ab2", "H200")
PARTS = Gpu("MIG-1", "A100 MIG 1g.5gb", of="GPU-m"), Gpu("MIG-2", "A100 MIG 1g.5gb", of="GPU-m")
MIG_LIST = """\
GPU 0: NVIDIA A100 80GB PCIe (UUID: GPU-m)
  MIG 3g.40gb     Device  0: (UUID: MIG-1f9e)
  MIG 1c.2g.20gb+me Device  1: (UUID: MIG-GPU-m/7/0)
GPU 1: NVIDIA H200 (UUID: GPU-a)"""
# As drivers print it, a whole GPU's amounts included; an instance has a number and no UUID here.
MIG_XML = """<?xml version="1.0" ?>
<!DOCTYPE nvidia_smi_log SYSTEM "nvsmi_device_v12.dtd">
<nvidia_smi_log>
  <gpu id="00000000:15:00.0">
    <mig_devices>
      <mig_device>
        <index>1</index>
        <fb_memory_usage><total>19968 MiB</total><used>N/A</used><free>N/A</free></fb_memory_usage>
      </mig_device>
      <mig_device>
        <index>0</index>
        <fb_memory_usage><total>40448 MiB</total><used>298 MiB</used><free>40151 MiB</free></fb_memory_usage>
      </mig_device>
    </mig_devices>
    <uuid>GPU-m</uuid>
    <fb_memory_usage><total>81920 MiB</total><used>N/A</used><free>N/A</free></fb_memory_usage>
  </gpu>
  <gpu id="00000000:10:00.0">
    <mig_devices>None</mig_devices>
    <uuid>GPU-a</uuid>
  </gpu>
</nvidia_smi_log>"""


@pytest.fixture
def driver(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FakeDriver:
    return FakeDriver(tmp_path, monkeypatch)


def test_gpus_come_in_the_driver_s_order_with_their_whole_name(driver: FakeDriver) -> None:
    driver.lists(
        "GPU-b, 570.86.15, 143771, 143000, NVIDIA H200, 141GB",
        "GPU-a, 570.86.15, [N/A], [N/A], NVIDIA A30",
    )
    h200 = Gpu("GPU-b", "NVIDIA H200, 141GB", 143771 * MIB, 143000 * MIB)
    assert look() == GpuListing((h200, Gpu("GPU-a", "NVIDIA A30", 0, None)), "570.86.15")


def test_a_gpu_in_mig_mode_is_its_instances_with_the_memory_that_they_have(driver: FakeDriver) -> None:
    driver.lists("GPU-m, 570.86.15, 81920, 80000, NVIDIA A100 80GB PCIe", H200, mig=MIG_LIST, xml=MIG_XML)
    both = [(gpu.uuid, gpu.memory, gpu.free) for gpu in look().gpus[:2]]
    assert both == [("MIG-1f9e", 40448 * MIB, 40151 * MIB), ("MIG-GPU-m/7/0", 19968 * MIB, None)]


@pytest.mark.parametrize("xml", ["", "GPU is lost", "<nvidia_smi_log></nvidia_smi_log>"])
def test_where_the_driver_does_not_say_it_is_that_of_their_profile(driver: FakeDriver, xml: str) -> None:
    driver.lists("GPU-m, 570.86.15, 81920, 80000, NVIDIA A100 80GB PCIe", H200, mig=MIG_LIST, xml=xml)
    assert look().gpus == (
        Gpu("MIG-1f9e", "NVIDIA A100 80GB PCIe MIG 3g.40gb", 40 * 10**9, None, "GPU-m"),
        Gpu("MIG-GPU-m/7/0", "NVIDIA A100 80GB PCIe MIG 1c.2g.20gb+me", 20 * 10**9, None, "GPU-m"),
        Gpu("GPU-a", "NVIDIA H200", 143771 * MIB, 143000 * MIB),
    )


@pytest.mark.parametrize(
    ("script", "fault"),
    [
        ("echo 'NVIDIA-SMI has failed'; exit 9", "exit code 9, 'NVIDIA-SMI has failed'"),
        ("echo cause >&2; echo more; exit 12", "exit code 12, 'cause'"),
        ("exit 9", "exit code 9"),
        ("echo 'Unable to determine: GPU is lost'", "it lists a GPU as 'Unable to determine: GPU is lost'"),
        (r"printf '\377\376, \000'", "it lists a GPU as '��, \\x00'"),
        (f"echo {'x' * 500}", f"it lists a GPU as '{'x' * 120}…'"),
    ],
    ids=["fails", "says why", "fails in silence", "a lost GPU", "bytes that are no text", "at length"],
)
def test_a_driver_that_fails_or_prints_nonsense_lists_no_gpu_and_is_reported(
    driver: FakeDriver, caplog: pytest.LogCaptureFixture, script: str, fault: str
) -> None:
    driver.run(script)
    assert look() == GpuListing(fault=f"nvidia-smi failed: {fault}")
    assert f"nvidia-smi failed: {fault}" in caplog.text


@pytest.mark.parametrize("code", [0, 6])
def test_a_driver_without_a_gpu_is_no_fault(driver: FakeDriver, code: int) -> None:
    driver.run(f"echo 'No devices were found'; exit {code}")
    assert look() == GpuListing()


def test_a_lost_gpu_leaves_the_others_and_is_reported(driver: FakeDriver) -> None:
    driver.lists(H200, "GPU 0000:01:00.0: Unknown Error")
    listing = look()
    assert [gpu.uuid for gpu in listing.gpus] == ["GPU-a"]
    assert listing.fault == "nvidia-smi failed: it lists a GPU as 'GPU 0000:01:00.0: Unknown Error'"


def test_a_driver_that_cannot_be_run_lists_no_gpu(driver: FakeDriver, tmp_path: Path) -> None:
    driver.run("")
    (tmp_path / "nvidia-smi").write_text("#!/nowhere/at-all\n")
    assert "No such file" in look().fault


def test_a_driver_that_hangs_is_given_up(
    driver: FakeDriver, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(gpus, "MAX_QUERY_SECONDS", 0.1)
    driver.run("exec /bin/sleep 60")
    assert look() == GpuListing(fault="nvidia-smi failed: it timed out after 0.1 s")
    assert "it timed out" in caplog.text


def test_a_host_without_a_driver_has_no_gpu_and_no_fault(driver: FakeDriver) -> None:
    assert look() == GpuListing()


@pytest.mark.parametrize(
    ("variable", "uuids"),
    [
        (None, ["GPU-aa1", "MIG-1", "MIG-2", "GPU-ab2"]),
        ("2, 0", ["GPU-ab2", "GPU-aa1"]),
        ("0x,1", ["GPU-aa1", "MIG-1", "MIG-2"]),  # CUDA reads as many digits as there are
        ("GPU-ab2", ["GPU-ab2"]),
        ("GPU-ab,GPU-m", ["GPU-ab2", "MIG-1", "MIG-2"]),
        ("MIG-2", ["MIG-2"]),
        ("", []),
        ("  ", []),
        ("-1", []),
        ("NoDevFiles", []),
        ("0,3,2", ["GPU-aa1"]),  # what is not there ends the list
        ("GPU-aa1,GPU-a,GPU-ab2", ["GPU-aa1"]),  # a beginning of two
        ("MIG-", []),
        ("0,0", []),
        ("1,MIG-2", []),
    ],
)
def test_cuda_visible_devices_is_read_as_cuda_reads_it(variable: str | None, uuids: list[str]) -> None:
    assert [gpu.uuid for gpu in visible([A, *PARTS, B], variable).gpus] == uuids


@pytest.mark.parametrize(
    ("variable", "remark"),
    [
        (None, ""),
        ("0,1", ""),
        ("1,0", ""),
        ("", "CUDA_VISIBLE_DEVICES is empty, so no GPU is used; unset it to use those of this host"),
        ("1", "CUDA_VISIBLE_DEVICES=1 leaves 1 of this host's 2 GPUs; unset it to use all"),
        (
            "0,7,1",
            "CUDA_VISIBLE_DEVICES names '7', which is not one GPU of this host, so it and what follows is "
            "left out, as CUDA does; correct it or unset it",
        ),
        (
            "GPU-a",
            "CUDA_VISIBLE_DEVICES names 'GPU-a', which is not one GPU of this host, so no GPU is used; "
            "correct it or unset it",
        ),
        (
            "0,0",
            "CUDA_VISIBLE_DEVICES names '0' twice, so no GPU is used, as CUDA does; name each once or unset "
            "it",
        ),
    ],
)
def test_what_it_leaves_out_is_said_in_a_sentence(variable: str | None, remark: str) -> None:
    assert visible([A, B], variable).remark == remark
    assert visible([], variable).remark == ""


@pytest.mark.parametrize(
    ("driver", "cuda", "fits"),
    [
        ("450.80.02", "11.8", True),
        ("450.51.06", "11.8", False),
        ("525.60.13", "12.8", True),
        ("525.60.9", "12.8", False),
        ("580.65.06", "13.0", True),
        ("570.86.15", "13.0", False),
        ("1000.1", "13.0", True),
        ("1.0", "14.0", True),  # not in the table: nothing is known
        ("", "13.0", True),
    ],
)
def test_a_driver_fits_from_the_least_version_of_nvidia_s_table(driver: str, cuda: str, fits: bool) -> None:
    assert (misfit(driver, "2.13.0", cuda) == "") is fits


def test_what_does_not_fit_is_said_with_what_to_do() -> None:
    assert misfit("570.86.15", "2.13.0", "13.0") == (
        "driver 570.86.15 is too old for torch 2.13.0, which is built for CUDA 13.0 and needs driver "
        "580.65.06 or newer; update the driver, or install a torch that is built for an older CUDA"
    )
    assert misfit("570.86.15", "2.13.0+cpu", None) == (
        "torch 2.13.0+cpu is a CPU build, which cannot use a GPU; run `pip uninstall torch`, then "
        "`python scripts/install_torch.py`, which installs a CUDA build where there is a GPU"
    )
