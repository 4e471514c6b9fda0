"""This machine: GPUs and cores, torch, the Redis server, disk space, ports, folders."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from services import host
from services.cli.doctor.finding import Finding, missing, ok, warn
from services.cli.invocation import command_line
from services.cli.show.formats import many
from services.stack import ports, valkey
from services.stack.errors import StackError

MIN_FREE_BYTES, COMFORTABLE_FREE_BYTES = 1 << 30, 5 << 30  # for a stack, and for many sweeps
TORCH_TIMEOUT = 120  # seconds; a cold disk loads it slowly
TORCH_PROBE = """\
import json, torch
cuda = torch.cuda.is_available()
names = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())] if cuda else []
print(json.dumps({"version": torch.__version__, "cuda": torch.version.cuda, "names": names}))
"""


KERNELS_PROBE = """\
import json
from cnnlab.kernels import library
found = library.load()
print(json.dumps({"name": found.name, "reason": found.reason, "remedy": found.remedy}))
"""


def devices(found: list[host.Gpu]) -> Finding:
    """What trains here."""
    if found:
        return ok("devices", f"{many(len(found), 'GPU')}: {', '.join(gpu.name for gpu in found)}")
    cores = many(host.cores(), "core")
    return ok("devices", f"no NVIDIA GPU (nvidia-smi lists none); the CPU trains, {cores} at once")


def torch(found: list[host.Gpu], needed: bool) -> Finding:
    """torch, loaded in another process: the command line itself must stay light."""
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
    build = f"CUDA {probe['cuda']}" if probe["cuda"] else "CPU build"
    if found and not probe["names"]:
        return warn(
            "torch", f"{probe['version']}, {build}, cannot use the GPU", f"{install}; or a newer driver"
        )
    return ok(
        "torch",
        f"{probe['version']}, {build}" + (f", sees {', '.join(probe['names'])}" if probe["names"] else ""),
    )


def kernels() -> Finding:
    """The compiled operations, which are built here if they are not yet there."""
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-c", KERNELS_PROBE],
            capture_output=True,
            text=True,
            timeout=TORCH_TIMEOUT,
            check=True,
        )
    except subprocess.SubprocessError:
        return warn("kernels", "not examined, because torch does not load", "see the line of torch")
    probe = json.loads(done.stdout.splitlines()[-1])
    if probe["name"]:
        return ok("kernels", probe["name"])
    return warn("kernels", f"none: {probe['reason']}", probe["remedy"] or "nothing, if that is wanted")


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
