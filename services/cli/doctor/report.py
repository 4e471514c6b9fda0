"""Every check, in an order in which each thing comes after what it depends on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from services import gpus
from services.cli.doctor import machine, packages, service
from services.cli.doctor.finding import Finding
from services.stack.folder import Folder, sqlite_url

LOCAL_ROLES = frozenset({"", "torch", "tracking", "embedded"})  # what a stack on this machine needs


def examine(
    folder: Path, url: str | None, key: str | None, environment: Mapping[str, str]
) -> Iterator[Finding]:
    """Check what `up` needs here and the service of this folder; with a URL, that API and its key instead."""
    home = Folder(folder)
    running = None if url else home.running()
    needed = LOCAL_ROLES if url is None else frozenset({""})
    database = environment.get("CNNLAB_DATABASE_URL")
    if database and database.startswith("postgresql"):
        needed |= {"postgres"}
    yield packages.python()
    yield from packages.roles(needed)
    found = gpus.look()
    yield machine.devices(found, environment.get(gpus.VISIBLE))
    yield machine.torch(found, "torch" in needed)
    if "torch" in needed:
        yield machine.kernels()
    yield machine.redis("embedded" in needed)
    yield machine.disk(folder)
    yield from machine.folders(environment)
    mlflow = environment.get("CNNLAB_MLFLOW_URL")
    if url is None:
        yield from machine.free_ports(environment, running is not None)
        yield service.stack(home, running)
    if running is not None:
        database = sqlite_url(home.root / "state.db")
        url, key, mlflow = running.api, home.secrets().api_key, running.mlflow
    if url is not None:
        yield from service.api(url, key)
    if database:
        yield service.database(database, environment)
    if mlflow:
        yield service.mlflow(mlflow)
