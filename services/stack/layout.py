"""The processes of a stack: their command lines, their environment, and the order in which they start."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import services
from services import host
from services.stack import valkey
from services.stack.folder import Folder, Secrets
from services.stack.ports import HOST
from services.stack.processes import ProcessSpec

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
    """One worker per GPU where the driver lists some, else one per core; a number given is obeyed."""
    gpus = host.gpus()
    if gpus:
        return Devices("auto", workers or len(gpus))
    count = workers or host.cores()
    return Devices(",".join(f"cpu:{i}" for i in range(count)), count)


def environment(
    base: Mapping[str, str], folder: Folder, secrets: Secrets, ports: Ports, devices: Devices
) -> dict[str, str]:
    """The environment of every child: the user's own, with the settings of this stack."""
    sources = str(Path(services.__path__[0]).parent)
    direct = ",".join(filter(None, [base.get("no_proxy") or base.get("NO_PROXY"), *LOOPBACK_NAMES]))
    return {
        **base,
        "NO_PROXY": direct,
        "no_proxy": direct,
        "PYTHONPATH": os.pathsep.join(filter(None, [sources, base.get("PYTHONPATH", "")])),
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


def sqlite_url(path: Path) -> str:
    """The SQLAlchemy address of a file; in an address a % of its name would begin an escape."""
    return f"sqlite:///{quote(str(path))}"


def migrations(env: Mapping[str, str]) -> ProcessSpec:
    """Bring the database to the newest schema; this process exits by itself."""
    return ProcessSpec("migrations", python("migrations", "upgrade"), env, 0)


def processes(
    env: Mapping[str, str], folder: Folder, secrets: Secrets, ports: Ports, devices: Devices
) -> list[ProcessSpec]:
    """Every process that runs as long as the stack does."""
    config = valkey.write_config(folder.root / "valkey", ports.valkey, secrets.redis_password)
    api = (
        "--factory",
        "services.api.app:from_environment",
        "--host",
        HOST,
        "--port",
        str(ports.api),
        "--no-access-log",
    )
    return [
        ProcessSpec("valkey", (valkey.binary(), str(config)), env, 0),
        ProcessSpec("mlflow", mlflow(folder, ports.mlflow), {**env, **MLFLOW_ENVIRONMENT}, 0),
        ProcessSpec("api", python("uvicorn", *api), env, 1),
        ProcessSpec("upkeep", python("services.upkeep"), env, 1),
        *(
            ProcessSpec(f"worker-{i}", python("workers"), env, 2, stop_seconds=20.0)
            for i in range(devices.workers)
        ),
    ]


# Without these MLflow starts fourteen processes and takes two gigabytes.
MLFLOW_ENVIRONMENT = {
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "OMP_NUM_THREADS": "1",
}


def mlflow(folder: Folder, port: int) -> tuple[str, ...]:
    """MLflow's server on SQLite, which allows only one worker process."""
    home = folder.root / "mlflow"
    return python(
        "mlflow",
        "server",
        *("--backend-store-uri", sqlite_url(home / "mlflow.db")),
        *("--artifacts-destination", str(home / "artifacts")),
        *("--host", HOST, "--port", str(port), "--workers", "1"),
        *("--allowed-hosts", f"{HOST}:{port},localhost:{port}"),
    )


def python(module: str, *arguments: str) -> tuple[str, ...]:
    """The command line of a module in this interpreter; with -P it never comes from the user's folder."""
    return (sys.executable, "-P", "-m", module, *arguments)
