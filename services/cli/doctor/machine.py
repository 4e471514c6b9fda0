"""This machine: GPUs and cores, torch, the Redis server, disk space, ports, folders."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from services import gpus, host
from services.cli.doctor.finding import Finding, missing, ok, warn
from services.cli.invocation import command_line
from services.cli.show.formats import many
from services.domain.plan.packing import MEMORY_SHARE
from services.stack import ports, valkey
from services.stack.errors import StackError

MIN_FREE_BYTES, COMFORTABLE_FREE_BYTES = 1 << 30, 5 << 30  # for a stack, and for many sweeps
TORCH_TIMEOUT = 120  # seconds; a cold disk loads it slowly
KERNELS_TIMEOUT = 360  # seconds: torch, and two libraries that are built
TORCH_PROBE = """\
import json, torch
cuda = torch.cuda.is_available()
names = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())] if cuda else []
print(json.dumps({"version": torch.__version__, "cuda": torch.version.cuda, "names": names}))
"""


KERNELS_PROBE = """\
import json
from cnnlab.errors import CnnlabError
from cnnlab.kernels import library
try:
    found = library.load_all()
except CnnlabError as error:
    found = {"any type": library.Kernels(None, None, str(error), "set it to one of these, or unset it")}
lines = [(str(t).removeprefix("torch."), one.name, one.reason, one.remedy) for t, one in found.items()]
print(json.dumps(lines))
"""
WITHOUT_KERNELS = "set CNNLAB_KERNELS=off, which trains without them"


def devices(found: gpus.GpuListing, variable: str | None) -> Finding:
    """What trains here; `variable` is the value of CUDA_VISIBLE_DEVICES, None if it is not set."""
    seen = gpus.visible(found.gpus, variable)
    what = many(len(seen.gpus), "GPU") + ": " + ", ".join(map(_described, seen.gpus))
    cpu = f"the CPU trains, {many(host.cores(), 'core')} at once"
    if found.fault:
        return warn("devices", f"{found.fault}; {what if seen.gpus else cpu}", gpus.FAULT_REMEDY)
    problem, _, remedy = seen.remark.partition("; ")
    if seen.wrong:
        return warn("devices", f"{problem}; {what if seen.gpus else cpu}", remedy)
    if full := gpus.full(seen.gpus, MEMORY_SHARE):
        lacks = [says.partition("; ")[0] for says in full.values()]
        remedy = "unless workers of cnnlab train there, end the programs that nvidia-smi lists"
        return warn("devices", "; ".join([*lacks, what]), remedy)
    if seen.gpus:
        return ok("devices", f"{what} ({problem})" if problem else what)
    return ok("devices", f"no NVIDIA GPU (nvidia-smi lists none); {cpu}")


def _described(gpu: gpus.Gpu) -> str:
    if gpu.free is None:
        return gpu.name
    return f"{gpu.name}, {gpu.free / 2**30:.0f} of {gpu.memory / 2**30:.0f} GiB free"


def torch(found: gpus.GpuListing, needed: bool) -> Finding:
    """torch, loaded in another process: the command line itself must stay light.

    Where there is a GPU, also the driver, and whether it and torch's build fit.
    """
    level = missing if needed else warn
    install = f"{sys.executable} scripts/install_torch.py, which chooses the build for this machine"
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-c", TORCH_PROBE], capture_output=True, text=True, timeout=TORCH_TIMEOUT
        )
    except subprocess.TimeoutExpired:
        return level(
            "torch",
            f"did not load within {TORCH_TIMEOUT} s",
            "check whether the disk or the machine is overloaded",
        )
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        return level("torch", f"does not load: {last}", install)
    probe = json.loads(done.stdout.splitlines()[-1])
    build = f"{probe['version']}, " + (f"CUDA {probe['cuda']}" if probe["cuda"] else "CPU build")
    if not found.gpus:
        return ok("torch", build)
    both = f"{build}, driver {found.driver}"
    if probe["names"]:  # whatever the table says: a package of NVIDIA's can make an older driver do
        return ok("torch", f"{both}: they fit; sees {', '.join(probe['names'])}")
    if why := gpus.misfit(found.driver, probe["version"], probe["cuda"]):
        problem, _, remedy = why.partition("; ")
        return warn("torch", f"{both}: they do not fit: {problem}", remedy)
    if not gpus.visible(found.gpus, os.environ.get(gpus.VISIBLE)).gpus:
        return ok("torch", f"{both}: by their versions they fit")
    return warn(
        "torch",
        f"{both}: by their versions they fit, but torch cannot use the GPU",
        "if it is in MIG mode make an instance, else reinstall the driver",
    )


def kernels() -> Finding:
    """The compiled operations, which are built here if they are not yet there."""
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-c", KERNELS_PROBE],
            capture_output=True,
            text=True,
            timeout=KERNELS_TIMEOUT,
        )
    except subprocess.TimeoutExpired:
        return warn("kernels", f"not ready within {KERNELS_TIMEOUT} s", WITHOUT_KERNELS)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        end = signal.Signals(-done.returncode).name if done.returncode < 0 else last
        remedy = f"if the line of torch is ok, {WITHOUT_KERNELS}"
        return warn("kernels", f"the process that loads them ends: {end}", remedy)
    found = json.loads(done.stdout.splitlines()[-1])
    missed = [(kind, reason, remedy) for kind, name, reason, remedy in found if not name]
    if missed:
        kinds, (_, reason, remedy) = " and ".join(kind for kind, _, _ in missed), missed[0]
        return warn("kernels", f"none for {kinds}: {reason}", remedy or "nothing, if that is wanted")
    return ok("kernels", ", ".join(name for _, name, _, _ in found))


def redis(needed: bool) -> Finding:
    """The Redis server that `up` would start."""
    try:
        return ok("redis", valkey.binary())
    except StackError as error:
        problem, _, remedy = str(error).partition(": ")
        return (missing if needed else warn)("redis", problem, remedy)


def disk(folder: Path) -> Finding:
    """Free space for checkpoints, logs and MLflow."""
    free = shutil.disk_usage(folder).free
    space = f"{free / (1 << 30):.1f} GiB free in {folder}"
    if free < MIN_FREE_BYTES:
        return missing(
            "disk", space, "free at least 1 GiB: on a full disk attempts fail and checkpoints are not renewed"
        )
    if free < COMFORTABLE_FREE_BYTES:
        return warn("disk", space, "5 GiB are recommended: data sets, checkpoints and MLflow grow")
    return ok("disk", space)


def free_ports(environment: Mapping[str, str], running: bool) -> Iterator[Finding]:
    """The ports that `up` would listen on; not checked while a stack runs here."""
    for purpose, variable, usual, option in [
        ("API", "CNNLAB_PORT", str(ports.DEFAULT_API_PORT), "--port"),
        ("MLflow", "CNNLAB_MLFLOW_PORT", str(ports.DEFAULT_MLFLOW_PORT), "--mlflow-port"),
    ]:
        text, name = environment.get(variable, usual), f"port of {purpose}"
        if not text.isdecimal() or not 0 < int(text) < 65536:
            yield missing(
                name, f"{variable} is {text!r}", f"set it to a number from 1 to 65535, e.g. {usual}"
            )
        elif running:
            yield ok(name, "not checked: a stack is running here")
        elif ports.is_taken(int(text)):
            other = command_line(f"up {option} {ports.free()}")
            yield warn(name, f"{text} is in use by another program", f"stop that program, or run `{other}`")
        else:
            yield ok(name, f"{text} is free")


def folders(environment: Mapping[str, str]) -> Iterator[Finding]:
    """The operator's own folders, if they are set: data sets and plug-ins."""
    for variable, content in [
        ("CNNLAB_DATA", "data sets"),
        ("CNNLAB_PLUGINS", "entries"),
    ]:
        given = environment.get(variable)
        if not given:
            yield ok(
                variable,
                f"not set in this terminal; for your own {content}, set it where the service is started",
            )
            continue
        path = Path(given)
        if not path.is_dir():
            yield missing(variable, f"{given} is not a folder", f"create it, or unset {variable}")
        elif not os.access(path, os.R_OK | os.X_OK):
            yield missing(variable, f"{given} cannot be read", f"chmod u+rx {given}")
        else:
            entries = sum(1 for _ in path.iterdir())
            yield ok(variable, f"{path.absolute()}: {entries} {'entry' if entries == 1 else 'entries'}")
