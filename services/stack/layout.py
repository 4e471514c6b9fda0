"""The processes of a stack: their command lines, their environment, and the order in which they start."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import services
from services import gpus, host
from services.stack import valkey
from services.stack.folder import Folder, Secrets, sqlite_url
from services.stack.ports import HOST
from services.stack.processes import ProcessSpec
from services.training_environment import HUGE_PAGES

SOURCES = str(Path(services.__path__[0]).parent)
LOOPBACK_NAMES = ("localhost", "127.0.0.1", "::1")  # never asked through a proxy


@dataclass(frozen=True)
class Ports:
    """The port of each server."""

    api: int
    mlflow: int
    valkey: int


@dataclass(frozen=True)
class Devices:
    """Which devices the workers may claim, and how many workers there are."""

    names: str
    workers: int


def find_devices(workers: int | None) -> Devices:
    """One worker per GPU where CUDA may see some, else one per core; a number given is obeyed.

    More workers than cores need a list of as many slots; else each finds what is there, and says what of the
    host it cannot use.
    """
    found = gpus.visible(gpus.look().gpus, os.environ.get(gpus.VISIBLE)).gpus
    count = workers or len(found) or host.cores()
    if found or count <= host.cores():
        return Devices("auto", count)
    return Devices(",".join(f"cpu:{i}" for i in range(count)), count)


def environment(
    base: Mapping[str, str], folder: Folder, secrets: Secrets, ports: Ports, devices: Devices
) -> dict[str, str]:
    """The environment of every child: the user's own, with the settings of this stack."""
    direct = ",".join(filter(None, [base.get("no_proxy") or base.get("NO_PROXY"), *LOOPBACK_NAMES]))
    return {
        **base,
        "NO_PROXY": direct,
        "no_proxy": direct,
        "PYTHONPATH": os.pathsep.join(filter(None, [SOURCES, base.get("PYTHONPATH", "")])),
        "PYTHONUNBUFFERED": "1",
        "CNNLAB_DATABASE_URL": sqlite_url(folder.root / "state.db"),
        "CNNLAB_REDIS_URL": f"redis://:{secrets.redis_password}@{HOST}:{ports.valkey}/0",
        "CNNLAB_FILES": str(folder.root / "files"),
        "CNNLAB_API_KEY": secrets.api_key,
        "CNNLAB_PUBLIC_URL": f"http://{HOST}:{ports.api}",
        "CNNLAB_MLFLOW_URL": f"http://{HOST}:{ports.mlflow}",
        "CNNLAB_MLFLOW_PUBLIC_URL": f"http://{HOST}:{ports.mlflow}",
        "CNNLAB_DEVICES": devices.names,
    }


# What the stack's template imports, in steps: what MLflow has in common with all else, what migrations need,
# and the rest. The names of other packages are those that they import themselves at their start.
FOR_MLFLOW = ("migrations.apply",)
FOR_MIGRATIONS = ("services.store.models", "sqlalchemy.dialects.sqlite")
FOR_ALL = (
    *("services.upkeep.loop", "services.tracking.trials_mirror"),
    *("workers.app", "celery.apps.worker", "celery.concurrency.prefork", "celery.worker.consumer"),
    *("celery.worker.strategy", "kombu.transport.redis"),
    *(
        "services.api.app",
        "uvicorn",
        "uvicorn.lifespan.on",
        "uvicorn.loops.auto",
        "uvicorn.protocols.http.auto",
    ),
    *("workers.runner", "cnnlab.fit", "cnnlab.engine.cost", "cnnlab.kernels.library", "numpy.random"),
)


def template(env: Mapping[str, str]) -> dict[str, str]:
    """The template's environment: that of all children, and what is read at a start alone.

    NumPy's OpenBLAS would start threads at its import, and a process with threads cannot fork.
    """
    return {**env, **HUGE_PAGES, "OPENBLAS_NUM_THREADS": "1"}


def migrations(env: Mapping[str, str]) -> ProcessSpec:
    """Bring the database to the newest schema; this process exits by itself."""
    return ProcessSpec("migrations", python("migrations", "upgrade"), env, 0, forks=True)


def processes(
    env: Mapping[str, str], folder: Folder, secrets: Secrets, ports: Ports, devices: Devices
) -> list[ProcessSpec]:
    """Every process that runs as long as the stack does."""
    config = valkey.write_config(folder.root / "valkey", ports.valkey, secrets.redis_password)
    mlflow = python("services.stack.mlflow_app", str(folder.root / "mlflow"), str(ports.mlflow))
    api = (
        "--factory",
        "services.api.app:from_environment",
        "--host",
        HOST,
        "--port",
        str(ports.api),
        "--no-access-log",
        "--app-dir",  # its default is the user's folder
        SOURCES,
    )
    return [
        ProcessSpec("valkey", (valkey.binary(), str(config)), env, 0),
        ProcessSpec("mlflow", mlflow, env, 0, forks=True),
        ProcessSpec("api", python("uvicorn", *api), env, 1, forks=True),
        ProcessSpec("upkeep", python("services.upkeep"), env, 1, forks=True),
        *(
            ProcessSpec(f"worker-{i}", python("workers"), env, 2, stop_seconds=20.0, forks=True)
            for i in range(devices.workers)
        ),
    ]


def python(module: str, *arguments: str) -> tuple[str, ...]:
    """The command line of a module in this interpreter; with -P it never comes from the user's folder."""
    return (sys.executable, "-P", "-m", module, *arguments)
