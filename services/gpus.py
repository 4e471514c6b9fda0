"""The GPUs of this host, as nvidia-smi lists them: those that may be used, and whether driver and torch fit.

Not yet run on a GPU: what nvidia-smi prints is taken from its manual and NVIDIA's guide to MIG.
"""

from __future__ import annotations

import logging
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from xml.etree import ElementTree

log = logging.getLogger(__name__)
MAX_QUERY_SECONDS = 20.0  # that nvidia-smi may take: it is slow while a driver wakes up
MAX_SHOWN_CHARS = 120  # of what nvidia-smi prints, in a sentence
QUERY = "--query-gpu=uuid,driver_version,memory.total,memory.free,name"
CAPABILITY_QUERY = "--query-gpu=uuid,compute_cap"
FAULT_REMEDY = "run nvidia-smi by hand; if it fails there, reinstall or reload the driver"
NO_GPU = "No devices were found"  # what it prints where a driver is loaded and a GPU is not
VISIBLE = "CUDA_VISIBLE_DEVICES"
# The least driver for each major version of CUDA that torch may be built for, on Linux: NVIDIA's table
# "CUDA Toolkit and minimum required driver version for CUDA minor version compatibility",
# https://docs.nvidia.com/deploy/cuda-compatibility/minor-version-compatibility.html
LEAST_DRIVERS = {11: "450.80.02", 12: "525.60.13", 13: "580.65.06"}
# `GPU 0: NVIDIA A100 (UUID: GPU-…)`, and below it in MIG mode `  MIG 1g.10gb     Device  0: (UUID: MIG-…)`.
GPU_LINE = re.compile(r"GPU \d+: .*\(UUID: (GPU-[^)]+)\)")
MIG_LINE = re.compile(r"\s+MIG (\S+)\s+Device\s+(\d+): \(UUID: (MIG-[^)]+)\)")
PROFILE_GIGABYTES = re.compile(r"(\d+)gb")
CAPABILITY_LINE = re.compile(r"(GPU-[^,]+), (\d+)\.(\d+)")
LEADING_INDEX = re.compile(r"\+?(\d+)")  # CUDA reads `1x` as 1


@dataclass(frozen=True)
class Gpu:
    """A GPU, or an instance of one in MIG mode; `of` is then the UUID of the GPU that it is a part of.

    `memory` and `free` are bytes: 0 and None where the driver does not say. Where it says neither of an
    instance, the memory is read from the name of the instance's profile.
    """

    uuid: str
    name: str
    memory: int = 0
    free: int | None = None
    of: str = ""


@dataclass(frozen=True)
class Instance:
    """An instance of a GPU in MIG mode: its profile, its number on the GPU, its UUID."""

    profile: str
    number: str
    uuid: str


Memory = tuple[int, int | None]  # all and free, in bytes, as in `Gpu`


@dataclass(frozen=True)
class GpuListing:
    """What nvidia-smi lists, in its order; `fault` is what is wrong with its answer, in words."""

    gpus: tuple[Gpu, ...] = ()
    driver: str = ""
    fault: str = ""


@dataclass(frozen=True)
class VisibleGpus:
    """The GPUs that CUDA_VISIBLE_DEVICES leaves; `remark` says how many and why, unless it leaves all.

    `wrong`: it leaves fewer than it seems to ask for, or none.
    """

    gpus: tuple[Gpu, ...]
    remark: str = ""
    wrong: bool = False


class UnansweredError(Exception):
    """nvidia-smi did not answer."""


def look() -> GpuListing:
    """Ask nvidia-smi; without it there is no GPU. Its failure is logged."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return GpuListing()
    try:
        listing = _read(_ask(program, QUERY, "--format=csv,noheader,nounits"))
        if listing.gpus:
            listing = _with_instances(listing, program)
    except UnansweredError as error:
        listing = GpuListing(fault=f"nvidia-smi failed: {error}")
    if listing.fault:
        log.warning("%s", listing.fault)
    return listing


def capabilities() -> dict[str, tuple[int, int]]:
    """The compute capability of each GPU, by UUID, as far as the driver says it; an old one does not."""
    program = shutil.which("nvidia-smi")
    try:
        lines = _ask(program, CAPABILITY_QUERY, "--format=csv,noheader") if program else []
    except UnansweredError:
        return {}
    found = (CAPABILITY_LINE.fullmatch(line.strip()) for line in lines)
    return {line[1]: (int(line[2]), int(line[3])) for line in found if line}


def _ask(program: str, *arguments: str) -> list[str]:
    """Run it and return its lines."""
    try:
        answer = subprocess.run(
            [program, *arguments],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=MAX_QUERY_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise UnansweredError(f"it timed out after {MAX_QUERY_SECONDS:g} s") from None
    except OSError as error:
        raise UnansweredError(str(error)) from None
    lines = [line for line in answer.stdout.splitlines() if line.strip()]
    if answer.returncode and NO_GPU not in answer.stdout:
        words = [*answer.stderr.splitlines(), *lines]
        said = f", {_shown(words[0])}" if words else ""
        raise UnansweredError(f"exit code {answer.returncode}{said}")
    return lines


def _read(lines: Sequence[str]) -> GpuListing:
    """Read the answer to `QUERY`; lines that are no GPU are its fault."""
    rows = [[part.strip() for part in line.split(",", 4)] for line in lines]
    found = [row for row in rows if len(row) == 5 and row[0].startswith("GPU-")]
    strange = [line for line, row in zip(lines, rows, strict=True) if row not in found and NO_GPU not in line]
    fault = f"nvidia-smi failed: it lists a GPU as {_shown(strange[0])}" if strange else ""
    gpus = [Gpu(uuid, name, _mebibytes(total) or 0, _mebibytes(free)) for uuid, _, total, free, name in found]
    return GpuListing(tuple(gpus), found[0][1] if found else "", fault)


def _with_instances(listing: GpuListing, program: str) -> GpuListing:
    """Put the instances of each GPU in MIG mode, which `-L` lists below it, in its place."""
    instances: dict[str, list[Instance]] = {}
    gpu = ""
    for line in _ask(program, "-L"):
        if found := GPU_LINE.match(line):
            gpu = found[1]
        elif found := MIG_LINE.match(line):
            instances.setdefault(gpu, []).append(Instance(*found.groups()))
    memories = _memories(program) if instances else {}
    gpus = tuple(part for gpu in listing.gpus for part in _parts(gpu, instances.get(gpu.uuid, ()), memories))
    return GpuListing(gpus, listing.driver, listing.fault)


def _memories(program: str) -> dict[tuple[str, str], Memory]:
    """The memory of each instance, by its GPU's UUID and its number there; none where the driver has no XML.

    The XML has no UUID of an instance; its numbers are those of `-L`. Compute instances of one GPU instance
    share its memory.
    """
    try:
        text = "\n".join(_ask(program, "-q", "-x"))
        root = ElementTree.fromstring(text)  # noqa: S314 (it is the driver's)
    except (UnansweredError, ElementTree.ParseError) as error:
        log.warning("nvidia-smi -q -x does not say what memory instances have free: %s", error)
        return {}
    return {
        (gpu.findtext("uuid", "").strip(), part.findtext("index", "").strip()): (
            _mebibytes(_amount(part, "total")) or 0,
            _mebibytes(_amount(part, "free")),
        )
        for gpu in root.iter("gpu")
        for part in gpu.iter("mig_device")
    }


def _amount(part: ElementTree.Element, name: str) -> str:
    """The number of an amount such as `40151 MiB`."""
    return part.findtext(f"fb_memory_usage/{name}", "").removesuffix("MiB").strip()


def _parts(
    gpu: Gpu, instances: Sequence[Instance], memories: Mapping[tuple[str, str], Memory]
) -> Iterator[Gpu]:
    """The GPU itself, or its instances, named as torch names them."""
    if not instances:
        yield gpu
    for one in instances:
        gigabytes = PROFILE_GIGABYTES.search(one.profile)
        memory, free = memories.get((gpu.uuid, one.number), (0, None))
        named = int(gigabytes[1]) * 10**9 if gigabytes else 0
        yield Gpu(one.uuid, f"{gpu.name} MIG {one.profile}", memory or named, free, gpu.uuid)


def _mebibytes(text: str) -> int | None:
    """Bytes; None where a driver says `[N/A]`."""
    return int(text) * 2**20 if text.isdecimal() else None


def _shown(line: str) -> str:
    text = line.strip()
    return repr(text if len(text) <= MAX_SHOWN_CHARS else f"{text[:MAX_SHOWN_CHARS]}…")


def visible(gpus: Sequence[Gpu], variable: str | None) -> VisibleGpus:
    """The GPUs that this value of CUDA_VISIBLE_DEVICES leaves, as CUDA reads it; None: it is not set.

    It names GPUs by their number in nvidia-smi, or by UUIDs or unique beginnings of them. A name that is not
    there ends the list, and one that is there twice empties it. A GPU in MIG mode stands for its instances:
    CUDA would give a process the first one, but here every worker is a process and takes one for itself.
    """
    if variable is None or not gpus:
        return VisibleGpus(tuple(gpus))
    if not variable.strip():
        return VisibleGpus(
            (), f"{VISIBLE} is empty, so no GPU is used; unset it to use those of this host", True
        )
    names = [name.strip() for name in variable.split(",")]
    by_number = _by_number(gpus)
    chosen: list[Gpu] = []
    for name in names:
        found = _named(name, gpus, by_number)
        if not found:
            ends = "so it and what follows is left out, as CUDA does" if chosen else "so no GPU is used"
            words = f"{VISIBLE} names {name!r}, which is not one GPU of this host, {ends}"
            return VisibleGpus(tuple(chosen), f"{words}; correct it or unset it", True)
        if any(gpu in chosen for gpu in found):
            words = f"{VISIBLE} names {name!r} twice, so no GPU is used, as CUDA does"
            return VisibleGpus((), f"{words}; name each once or unset it", True)
        chosen += found
    if len(chosen) == len(gpus):
        return VisibleGpus(tuple(chosen))
    words = f"{VISIBLE}={variable} leaves {len(chosen)} of this host's {len(gpus)} GPUs; unset it to use all"
    return VisibleGpus(tuple(chosen), words)


def full(gpus: Sequence[Gpu], share: float) -> dict[str, str]:
    """Those of which less than a share is free, by UUID: a sentence about each and what to do.

    Of one whose driver does not say what is free, nothing is known. A runner of cnnlab fills a GPU too.
    """
    return {
        gpu.uuid: (
            f"{gpu.uuid} ({gpu.name}) has only {gpu.free / 2**30:.0f} of {gpu.memory / 2**30:.0f} GiB free, "
            f"and packs need {share:.0%}: another program fills it; end that (nvidia-smi lists it), "
            "or leave this GPU out of CNNLAB_DEVICES"
        )
        for gpu in gpus
        if gpu.free is not None and gpu.free < share * gpu.memory
    }


def _by_number(gpus: Sequence[Gpu]) -> list[list[Gpu]]:
    """The devices of each GPU, in the driver's order."""
    by_gpu: dict[str, list[Gpu]] = {}
    for gpu in gpus:
        by_gpu.setdefault(gpu.of or gpu.uuid, []).append(gpu)
    return list(by_gpu.values())


def _named(name: str, gpus: Sequence[Gpu], by_number: Sequence[list[Gpu]]) -> list[Gpu]:
    """What a name stands for; nothing if it is not there, or the beginning of several."""
    if number := LEADING_INDEX.match(name):
        return by_number[int(number[1])] if int(number[1]) < len(by_number) else []
    if name.startswith("MIG-"):
        found = [[gpu] for gpu in gpus if gpu.uuid.startswith(name)]
    elif name.startswith("GPU-"):
        found = [parts for parts in by_number if (parts[0].of or parts[0].uuid).startswith(name)]
    else:
        return []
    return found[0] if len(found) == 1 else []


def misfit(driver: str, torch: str, cuda: str | None) -> str:
    """Why this build of torch cannot use a GPU with this driver, and what to do; empty if nothing is known.

    `torch` is its version, `cuda` the version of CUDA that it is built for, None for a CPU build.
    """
    if cuda is None:
        return (
            f"torch {torch} is a CPU build, which cannot use a GPU; run `pip uninstall torch`, then "
            "`python scripts/install_torch.py`, which installs a CUDA build where there is a GPU"
        )
    least = LEAST_DRIVERS.get(int(cuda.split(".")[0]))
    if not least or not driver or _numbers(driver) >= _numbers(least):
        return ""
    return (
        f"driver {driver} is too old for torch {torch}, which is built for CUDA {cuda} and needs driver "
        f"{least} or newer; update the driver, or install a torch that is built for an older CUDA"
    )


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version))
