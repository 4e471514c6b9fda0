"""This machine: processors and GPUs, torch, the Redis binary, disk space, ports, folders."""

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
from services.cli.tables import many
from services.cli.typed import typed
from services.stack import ports, valkey
from services.stack.errors import StackError

SCARCE, LITTLE = 1 << 30, 5 << 30  # bytes free: too few for a stack, and few for many sweeps
TORCH = """\
import json, torch
cuda = torch.cuda.is_available()
names = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())] if cuda else []
print(json.dumps({"version": torch.__version__, "cuda": torch.version.cuda, "names": names}))
"""


def devices(found: list[host.Gpu]) -> Finding:
    """What trains here."""
    if found:
        return ok("devices", f"{many(len(found), 'GPU')}: {', '.join(gpu.name for gpu in found)}")
    cores = many(host.cores(), "core")
    return ok("devices", f"no NVIDIA GPU (nvidia-smi lists none); the CPU trains, {cores} at once")


def torch(found: list[host.Gpu], needed: bool) -> Finding:
    """torch as a process of its own loads it: it must not be loaded into this one."""
    level = missing if needed else warn
    install = f"{sys.executable} scripts/install_torch.py, which chooses the build for this machine"
    try:
        done = subprocess.run([sys.executable, "-c", TORCH], capture_output=True, text=True, timeout=120)
    except subprocess.TimeoutExpired:
        return level(
            "torch", "did not load within 120 s", "look whether the disk or the machine is overloaded"
        )
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["it says nothing"])[-1]
        return level("torch", f"does not load: {last}", install)
    told = json.loads(done.stdout.splitlines()[-1])
    build = f"CUDA {told['cuda']}" if told["cuda"] else "CPU build"
    if found and not told["names"]:
        return warn(
            "torch", f"{told['version']}, {build}, cannot use the GPU", f"{install}; or a newer driver"
        )
    return ok(
        "torch",
        f"{told['version']}, {build}" + (f", sees {', '.join(told['names'])}" if told["names"] else ""),
    )


def redis(needed: bool) -> Finding:
    """The server that `up` would start."""
    try:
        return ok("redis", valkey.binary())
    except StackError as error:
        told, _, remedy = str(error).partition(": ")
        return (missing if needed else warn)("redis", told, remedy)


def disk(folder: Path) -> Finding:
    """Room for checkpoints, logs and MLflow."""
    free = shutil.disk_usage(folder).free
    told = f"{free / (1 << 30):.1f} GiB free in {folder}"
    if free < SCARCE:
        return missing(
            "disk", told, "free at least 1 GiB: a full disk ends attempts and keeps old checkpoints"
        )
    if free < LITTLE:
        return warn("disk", told, "5 GiB are comfortable: data sets, checkpoints and MLflow grow")
    return ok("disk", told)


def free_ports(environment: Mapping[str, str], running: bool) -> Iterator[Finding]:
    """The ports that `up` would listen on; a stack that runs has them."""
    for purpose, variable, usual, option in [
        ("API", "CNNLAB_PORT", "8080", "--port"),
        ("MLflow", "CNNLAB_MLFLOW_PORT", "5500", "--mlflow-port"),
    ]:
        text, name = environment.get(variable, usual), f"port of {purpose}"
        if not text.isdecimal() or not 0 < int(text) < 65536:
            yield missing(name, f"{variable} is {text!r}", f"a number from 1 to 65535, e.g. {usual}")
        elif running:
            yield ok(name, "the stack that runs here has its own")
        elif ports.is_taken(int(text)):
            other = typed(f"up {option} {ports.free()}")
            yield warn(name, f"{text} is taken by another program", f"stop that one, or `{other}`")
        else:
            yield ok(name, f"{text} is free")


def folders(environment: Mapping[str, str]) -> Iterator[Finding]:
    """The folders that the operator may name: data sets and plug-ins."""
    for variable, unset in [
        ("CNNLAB_DATA", "own data sets need it"),
        ("CNNLAB_PLUGINS", "own entries need it"),
    ]:
        given = environment.get(variable)
        if not given:
            yield ok(variable, f"unset in this terminal: {unset}, where the service is started")
            continue
        path = Path(given)
        if not path.is_dir():
            yield missing(variable, f"{given} is no folder", f"make it, or unset {variable}")
        elif not os.access(path, os.R_OK | os.X_OK):
            yield missing(variable, f"{given} cannot be read", f"chmod u+rx {given}")
        else:
            entries = sum(1 for _ in path.iterdir())
            yield ok(variable, f"{path.absolute()}: {entries} {'entry' if entries == 1 else 'entries'}")
